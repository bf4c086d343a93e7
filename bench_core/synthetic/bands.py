"""What a sensor is sensitive to: visible light, reflected near infrared, or warmth."""

from __future__ import annotations

from typing import Literal, TypeAlias

Band: TypeAlias = Literal["visible", "infrared", "thermal"]
"""The modalities of an image table, where infrared is near infrared: about 850 nm, an illuminator's
light that surfaces reflect; and far infrared."""

THERMAL: Band = "thermal"
"""Far infrared, about 8 to 14 micrometres: what surfaces radiate by their temperature."""
