from pathlib import Path

from infra.tools.cache import Cache


def test_the_cache_is_under_the_home_folder_unless_told_otherwise() -> None:
    assert Cache.from_env({}).root == Path.home() / ".cache" / "neurox"


def test_xdg_cache_home_moves_it() -> None:
    assert Cache.from_env({"XDG_CACHE_HOME": "/disk"}).root == Path("/disk/neurox")


def test_neurox_cache_wins_and_is_the_folder_itself() -> None:
    env = {"XDG_CACHE_HOME": "/disk", "NEUROX_CACHE": "/big/tools"}
    assert Cache.from_env(env).root == Path("/big/tools")


def test_free_space_is_known_before_the_folder_exists(tmp_path: Path) -> None:
    assert Cache(tmp_path / "not" / "yet").free_bytes() > 0
