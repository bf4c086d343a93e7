"""Markdown of the forge becomes what the site's parser reads alike."""

from __future__ import annotations

import pytest

from site_builder.markdown import code, fenced, prose, table, title_of, with_deep_lists, with_links


def shout(text: str, target: str) -> tuple[str, str]:
    return text.upper(), f"to/{target}"


def test_links_are_rewritten_and_code_is_left_alone() -> None:
    page = "[a](b.md#c) `[d](e)` ![f](g.svg)\n\n```sh\n[h](i)\n```\n"
    assert with_links(page, shout) == (
        "[A](to/b.md#c) `[d](e)` ![F](to/g.svg)\n\n```sh\n[h](i)\n```\n"
    )


@pytest.mark.parametrize(
    ("given", "made"),
    [
        pytest.param("a\n- b\n- c\n", "a\n\n- b\n- c\n", id="a list ends a paragraph"),
        pytest.param("in\n2. not so\n", "in\n2. not so\n", id="a line that begins with a number"),
        pytest.param("- a\n  b\n- c\n", "- a\n    b\n- c\n", id="the rest of an item"),
        pytest.param("- a\nb\n", "- a\nb\n", id="the lazy rest of an item"),
        pytest.param("1. a\n   - b\n     c\n", "1. a\n    - b\n        c\n", id="lists in lists"),
        pytest.param("1. a\n\n   | b |\n", "1. a\n\n    | b |\n", id="a table in an item"),
        pytest.param(
            "- a\n  ```sh\n  - b\n    c\n  ```\n",
            "- a\n    ```sh\n    - b\n      c\n    ```\n",
            id="code in an item",
        ),
        pytest.param("- a\n\nb\n", "- a\n\nb\n", id="what stands below a list"),
        pytest.param("- a\n## b\n", "- a\n## b\n", id="a heading below a list"),
        pytest.param("```\nx\n- a\n```\n", "```\nx\n- a\n```\n", id="what is no list but code"),
    ],
)
def test_lists_are_indented_as_the_parser_asks(given: str, made: str) -> None:
    assert with_deep_lists(given) == made


def test_the_title_is_the_first_heading_that_is_no_code() -> None:
    assert title_of("```sh\n# not this\n```\n\n# This\n") == "This"
    assert title_of("## Smaller\n") is None


def test_text_of_others_stays_text() -> None:
    assert prose("<b> *x* 'bench list' `a|b` [c]") == (
        "&#60;b&#62; &#42;x&#42; `bench list` `a|b` &#91;c&#93;"
    )
    assert code("a`b") == "`` a`b ``"
    assert fenced("```\nx\n```") == "````text\n```\nx\n```\n````\n"
    assert table(["a"], [["b"]]) == "| a |\n| - |\n| b |\n"
