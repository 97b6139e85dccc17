"""The budget checker finds what breaks a budget, and nothing else."""

from pathlib import Path
from textwrap import dedent

import pytest

from tools.budgets import Structure, broken, main, measure


def tree(root: Path, **modules: str) -> Structure:
    """Write modules of a package (a dot stands for a folder) and measure them."""
    for name, source in modules.items():
        path = root / "package" / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(source), "utf-8")
    return measure(root)


def function_of(lines: int, name: str = "work") -> str:
    return "\n".join([f"def {name}():", *["    work()"] * (lines - 1), ""])


def test_small_sound_sources_break_nothing(tmp_path: Path) -> None:
    """Sources within every budget are accepted."""
    structure = tree(tmp_path, one=function_of(8), two="from package.one import work\n")
    assert broken(structure) == []
    assert structure.median_function == 8


def test_no_sources_break_nothing(tmp_path: Path) -> None:
    """A tree without Python has zero figures."""
    structure = measure(tmp_path)
    assert broken(structure) == []
    assert structure.longest_file.lines == 0


def test_a_high_median_is_found(tmp_path: Path) -> None:
    """A median of nine lines is one too many."""
    structure = tree(tmp_path, one=function_of(9))
    assert broken(structure) == ["the median function has 9 lines"]


@pytest.mark.parametrize(("lines", "problems"), [(40, 0), (41, 1)])
def test_a_long_function_is_found(tmp_path: Path, lines: int, problems: int) -> None:
    """Forty lines are allowed in a function, one more is not."""
    short = "".join(function_of(2, name) for name in ("first", "second"))
    structure = tree(tmp_path, one=short + function_of(lines))
    assert len(broken(structure)) == problems
    assert structure.longest_function.lines == lines


def test_a_method_is_measured_without_docstring_and_decorators(tmp_path: Path) -> None:
    """What explains a function does not make it longer."""
    structure = tree(
        tmp_path,
        one='''
        class Thing:
            @property
            @cached
            async def size(self):
                """Say the size.

                In lines.
                """
                return 1
        ''',
    )
    assert structure.longest_function.lines == 2


@pytest.mark.parametrize(("lines", "problems"), [(400, 0), (401, 1)])
def test_a_long_file_is_found(tmp_path: Path, lines: int, problems: int) -> None:
    """Four hundred lines are allowed in a file, one more is not."""
    structure = tree(tmp_path, one="VALUE = 1\n" * lines)
    assert len(broken(structure)) == problems
    assert structure.longest_file.lines == lines


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("from package.second import work", "from package.first import work"),
        ("import package.second", "from .first import work"),
        ("from . import second", "def late():\n    from package import first"),
        ("if CHOICE:\n    import package.second\n", "try:\n    from . import first\nfinally: ..."),
    ],
)
def test_an_import_circle_is_found(tmp_path: Path, first: str, second: str) -> None:
    """Two modules that import each other are a circle, however the import is written."""
    structure = tree(
        tmp_path, __init__="", first=first, second=second, third="import package.first"
    )
    assert structure.circles == (("package.first", "package.second"),)
    assert broken(structure) == ["import circle: package.first <-> package.second"]


def test_a_circle_through_several_packages_is_found_once(tmp_path: Path) -> None:
    """A circle of three is one circle, and names each of its modules."""
    structure = tree(
        tmp_path,
        outer="from package.inner import deep",
        **{"inner.__init__": "from package import outer", "inner.deep": "from .. import inner"},
    )
    assert structure.circles == (("package.inner", "package.inner.deep", "package.outer"),)


def test_an_import_for_type_checkers_closes_no_circle(tmp_path: Path) -> None:
    """What only a type checker imports does not count; what runs instead of it does."""
    second = """
        import typing
        if typing.TYPE_CHECKING:
            from package.first import work
        else:
            from package.third import work
        """
    structure = tree(
        tmp_path,
        first="from package.second import work",
        second=second,
        third="from package.second import work",
    )
    assert structure.circles == (("package.second", "package.third"),)


@pytest.mark.parametrize(
    "handler",
    [
        "except Exception:\n    pass",
        "except:\n    logger.warning('lost')",
        "except BaseException as exc:\n    report(exc)",
        "except (KeyError, builtins.Exception):\n    return_none()",
    ],
)
def test_a_swallowed_broad_except_is_found(tmp_path: Path, handler: str) -> None:
    """A handler that lets any error vanish is found by its line."""
    structure = tree(tmp_path, one=f"try:\n    work()\n{handler}\n")
    assert structure.swallowed == (f"{tmp_path}/package/one.py:3",)
    assert len(broken(structure)) == 1


def test_a_suppressed_exception_is_found(tmp_path: Path) -> None:
    """Suppressing every error is swallowing it."""
    structure = tree(tmp_path, one="with contextlib.suppress(Exception):\n    work()\n")
    assert len(broken(structure)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    work()\nexcept Exception as exc:\n    raise Failure from exc\n",
        "try:\n    work()\nexcept Exception:\n    logger.exception('purge.failed')\n",
        "try:\n    work()\nexcept (KeyError, OSError):\n    pass\n",
        "with suppress(KeyError):\n    work()\n",
    ],
)
def test_a_named_or_reported_error_is_accepted(tmp_path: Path, source: str) -> None:
    """Naming the error, raising again, or logging its traceback keep it from vanishing."""
    assert broken(tree(tmp_path, one=source)) == []


def test_the_figures_are_printed_and_the_tests_bind_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four lines a tree are printed; only the sources decide the answer."""
    tree(tmp_path / "src", one=function_of(3))
    tree(tmp_path / "tests", one=function_of(50))
    assert main(tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert lines[0].startswith("src: functions: median 3 lines, longest 3 (")
    assert lines[4].startswith("tests: functions: median 50 lines, longest 50 (")


def test_a_broken_budget_fails_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each problem is named on the error stream and the answer is 1."""
    tree(tmp_path / "src", one=function_of(41))
    assert main(tmp_path) == 1
    problems = capsys.readouterr().err.splitlines()
    assert any("one.py:1 work has 41 lines" in problem for problem in problems)
