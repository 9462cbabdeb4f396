"""Templates are compiled once for all starts, where there is a place to keep them."""

from pathlib import Path

import jinja2

from telemetry_service.web.pages import CompiledTemplates


def environment(kept: Path, template: str) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.DictLoader({"greeting": template}), bytecode_cache=CompiledTemplates(kept), autoescape=True
    )


def test_a_compiled_template_is_kept_for_whoever_serves(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert environment(kept, "Hello {{ name }}").get_template("greeting").render(name="<you>") == "Hello &lt;you&gt;"
    [file] = kept.iterdir()
    assert file.stat().st_mode & 0o777 == 0o644
    before = file.stat().st_mtime_ns
    assert environment(kept, "Hello {{ name }}").get_template("greeting").render(name="you") == "Hello you"
    assert file.stat().st_mtime_ns == before


def test_a_changed_template_is_compiled_anew(tmp_path: Path) -> None:
    environment(tmp_path, "old").get_template("greeting")
    assert environment(tmp_path, "new").get_template("greeting").render() == "new"


def test_templates_work_where_nothing_can_be_kept(tmp_path: Path) -> None:
    assert environment(tmp_path / "missing" / "folder", "Hello").get_template("greeting").render() == "Hello"
