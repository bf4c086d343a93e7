"""The page that lists the methods: papers, variants, presets and costs, from their specs."""

from __future__ import annotations

from bench_core.contracts.images import MODALITIES
from bench_core.contracts.method import MethodSpec
from bench_core.pipeline.costs import NUM_IDENTITIES, MethodCost, count_costs
from bench_core.plugins import Registry
from site_builder.markdown import code, escaped, prose, table


def methods_page(registry: Registry) -> str:
    """Return the Markdown of the page.

    Args:
        registry: The plugins. Their networks are built, without weights, to be counted.
    """
    costs = {cost.choice.spec.id: cost for cost in count_costs(registry, training=False)}
    specs = list(registry.methods.values())
    overview = table(
        ["method", "paper", "parameters (M)", "only training (M)",
         *(f"{modality} (G)" for modality in MODALITIES)],
        [_row(spec, costs[spec.id]) for spec in specs],
    )  # fmt: skip
    return "\n".join(
        [
            "# Methods\n",
            overview,
            (
                f"Preset `paper`, {NUM_IDENTITIES} training identities: parameters that extraction "
                "needs, those that only training needs, and multiply-adds of extracting an image "
                "of each modality ([how they are counted](../cost.md)).\n"
            ),
            *(_method(spec) for spec in specs),
        ]
    )


def _row(spec: MethodSpec, cost: MethodCost) -> list[str]:
    inference = cost.inference
    return [
        f"[{escaped(spec.title)}]({spec.id}.md)",
        f"{escaped(spec.paper.venue)} {spec.paper.year}",
        f"{inference.parameters / 1e6:.2f}",
        f"{inference.training_only_parameters / 1e6:.2f}",
        *(f"{inference.macs[modality] / 1e9:.3f}" for modality in MODALITIES),
    ]


def _method(spec: MethodSpec) -> str:
    paper = spec.paper
    variants = [[code(spec.label(each)), prose(each.summary)] for each in spec.variants]
    presets = [[code(each.name), prose(each.summary)] for each in spec.presets]
    return "\n".join(
        [
            f"## {escaped(spec.title)}\n",
            (
                f"{escaped(paper.authors)}, *{escaped(paper.title)}*, {escaped(paper.venue)} "
                f"{paper.year}. [What is verified, and what is open]({spec.id}.md).\n"
            ),
            table(["variant", "what it is"], variants),
            table(["preset", "what it is"], presets),
        ]
    )
