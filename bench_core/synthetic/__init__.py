"""The procedural stand-in for licensed datasets: rendered people in the real directory trees.

This is the door for the author of a dataset: what a `Layout` is made of. `generate` renders one.
"""

from bench_core.synthetic.bands import THERMAL as THERMAL
from bench_core.synthetic.cameras import (
    Camera as Camera,
    Lamp as Lamp,
    Mount as Mount,
)
from bench_core.synthetic.canvas import (
    Light as Light,
    direction_to as direction_to,
)
from bench_core.synthetic.generation import generate as generate
from bench_core.synthetic.layouts import (
    Layout as Layout,
    People as People,
)
from bench_core.synthetic.matlab import matlab_file as matlab_file
from bench_core.synthetic.people import (
    BACK as BACK,
    FRONT as FRONT,
)
from bench_core.synthetic.plan import (
    PlannedPerson as PlannedPerson,
    PresenceGroup as PresenceGroup,
    apportion as apportion,
    count_people as count_people,
    plan_groups as plan_groups,
)
from bench_core.synthetic.randomness import Randomness as Randomness
from bench_core.synthetic.scales import (
    SMALL_SCALES as SMALL_SCALES,
    Sizes as Sizes,
)
