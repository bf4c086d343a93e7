"""`bench data cache`: decoded images on disk; make, list and clear them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.cli import options
from bench_core.cli.verification import dataset_option, find_dataset
from bench_core.contracts.errors import BenchError, UsageError
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.data.cache_listing import CacheEntry
    from bench_core.plugins import Registry


KEY_SHOWN = 12


@click.command()
@click.argument("root", type=click.Path(path_type=Path), required=False)
@click.option(
    "--image-size", callback=options.read_image_size, default="256x128", show_default=True,
    metavar="HxW", help="Height and width of the decoded images.",
)  # fmt: skip
@dataset_option
@click.option("--list", "as_list", is_flag=True, help="List the caches that there are.")
@click.option(
    "--clear", "keys", multiple=True, metavar="KEY",
    help="Remove a cache by its key, or how the key begins, or 'all'; may be repeated.",
)  # fmt: skip
@options.json_option
@click.pass_obj
def cache(
    registry: Registry,
    *,
    root: Path | None,
    image_size: tuple[int, int],
    dataset_id: str | None,
    as_list: bool,
    keys: tuple[str, ...],
    as_json: bool,
) -> None:
    """Decode the images of the dataset in the folder ROOT now, or list or clear what was decoded.

    Commands that need decoded images make them on demand; this makes them beforehand.
    """
    from bench_core.data.cache_listing import clear_caches, list_caches
    from bench_core.system.cache_folder import cache_directory

    if (root is not None) + as_list + bool(keys) != 1:
        raise UsageError("give a ROOT whose images to decode, or --list, or --clear KEY")
    if root is not None:
        _print_made(_make(registry, root, dataset_id, image_size), as_json=as_json)
    elif as_list:
        _print_entries(list_caches(cache_directory()), "caches", as_json=as_json)
    else:
        _print_entries(clear_caches(cache_directory(), keys), "removed", as_json=as_json)


def _make(
    registry: Registry, root: Path, dataset_id: str | None, size: tuple[int, int]
) -> CacheEntry:
    from bench_core.data.cache import IMAGES_FOLDER, CacheIdentity, open_images
    from bench_core.data.cache_listing import describe_cache
    from bench_core.data.fingerprint import fingerprint
    from bench_core.data.opening import open_dataset
    from bench_core.system.cache_folder import cache_directory

    spec = find_dataset(registry, root, dataset_id)
    dataset = open_dataset(spec, root)
    content = fingerprint(dataset, cache_directory())
    open_images(dataset, content, size, cache_directory())
    key = CacheIdentity.of(dataset, content, size).key
    entry = describe_cache(cache_directory() / IMAGES_FOLDER / key)
    if entry is None:
        raise BenchError(f"the cache {key} was removed by another process")
    return entry


def _print_made(entry: CacheEntry, *, as_json: bool) -> None:
    if as_json:
        options.print_json(entry.as_document())
    else:
        _print_table([entry])
        echo(f"\npath  {entry.path}")


def _print_entries(entries: Sequence[CacheEntry], name: str, *, as_json: bool) -> None:
    from bench_core.data.cache import IMAGES_FOLDER
    from bench_core.system.cache_folder import cache_directory

    folder = cache_directory() / IMAGES_FOLDER
    num_bytes = sum(entry.num_bytes for entry in entries)
    if as_json:
        documents = [entry.as_document() for entry in entries]
        options.print_json({"folder": str(folder), "bytes": num_bytes, name: documents})
    else:
        _print_table(entries)
        echo(f"\n{name}: {len(entries)}, {num_bytes / 1e6:,.1f} MB in {folder}")


def _print_table(entries: Sequence[CacheEntry]) -> None:
    options.print_table(
        ["key", "dataset", "images", "size", "MB", "made", "used", "read from"],
        [_row(entry) for entry in entries],
    )


def _row(entry: CacheEntry) -> list[str]:
    megabytes, used = f"{entry.num_bytes / 1e6:,.1f}", f"{entry.used:%Y-%m-%d %H:%M}"
    known = entry.description
    if known is None:
        return [entry.key[:KEY_SHOWN], f"({entry.state})", "", "", megabytes, "", used, ""]
    return [
        entry.key[:KEY_SHOWN],
        f"{known.dataset}{' (synthetic)' if known.synthetic else ''}",
        f"{known.identity.num_images:,}",
        f"{known.identity.height}x{known.identity.width}",
        megabytes,
        f"{known.made:%Y-%m-%d %H:%M}",
        used,
        known.root,
    ]
