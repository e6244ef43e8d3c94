from controllers.workload.cache import LATE_SECONDS, Table


def table() -> tuple[Table[str], list[int]]:
    calls: list[int] = []
    return Table(lambda: calls.append(1)), calls


def test_an_older_version_never_overwrites_a_newer_one() -> None:
    rows, _ = table()
    rows.put("a", 5, "new")
    rows.put("a", 4, "old")
    assert rows.values() == ["new"]


def test_a_late_answer_cannot_bring_back_what_was_deleted() -> None:
    rows, _ = table()
    rows.put("a", 5, "there")
    rows.remove("a")
    rows.put("a", 4, "ghost")
    assert rows.values() == []


def test_only_a_change_of_what_is_kept_wakes_the_loop() -> None:
    rows, calls = table()
    rows.put("a", 1, "same")
    rows.put("a", 2, "same")
    rows.remove("never seen")
    assert len(calls) == 1


def test_a_list_replaces_everything_and_says_what_differed() -> None:
    rows, _ = table()
    rows.put("a", 1, "x")
    rows.put("b", 1, "y")
    assert rows.replace({"a": (2, "x"), "c": (2, "z")}, 2) == 2
    assert sorted(rows.values()) == ["x", "z"]


def test_a_late_list_does_not_undo_what_we_wrote_meanwhile() -> None:
    rows, _ = table()
    rows.put("released", 1, "queued")
    rows.put("removed", 2, "there")
    rows.remove("removed")
    listed = {"released": (1, "queued"), "removed": (2, "there")}
    rows.put("released", 4, "runs")
    rows.put("made", 5, "queued")
    assert rows.replace(listed, 3) == 0
    assert sorted(rows.values()) == ["queued", "runs"]


def test_versions_that_begin_anew_are_believed_in_the_end() -> None:
    now = [0.0]
    rows: Table[str] = Table(lambda: None, lambda: now[0])
    rows.put("a", 900, "before the backup was restored")
    rows.put("deleted since", 901, "there")
    rows.remove("deleted since")
    now[0] = LATE_SECONDS + 1
    rows.replace({"b": (7, "after"), "deleted since": (6, "again")}, 8)
    assert rows.values() == ["after", "again"]
    rows.put("deleted since", 9, "changed")
    assert rows.values() == ["after", "changed"]
