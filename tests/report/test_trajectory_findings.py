from __future__ import annotations

from interfere.report import findings, terminal_report
from interfere.report._trajectory_findings import trajectory_open
from tests.report._trajectory import make_trajectory


def test_conflict_is_told_with_its_step_pair_and_interval() -> None:
    said = findings(make_trajectory(("de", "en", "ru"), (0, 500, 1000)))
    assert said[0].startswith("1 of 3 pairs was in conflict over the transformer body at one of 3 checkpoints at least")
    assert "0 at the first, 1 at the last" in said[0]
    assert "de and en at step 1,000, corrected cosine -0.50 (95% interval -0.58 to -0.42)" in said[0]


def test_a_conflict_that_lasts_is_told_from_one_that_does_not() -> None:
    lasting = make_trajectory(("de", "en"), (0, 1, 2, 3), lambda i, n, share: 0.5 if share < 0.5 else -0.5)
    assert any("de and en from step 2 on" in s for s in findings(lasting))
    fleeting = make_trajectory(("de", "en"), (0, 1, 2, 3), lambda i, n, share: -0.5 if 0.3 < share < 0.4 else 0.5)
    assert not any("up to the last one" in s for s in findings(fleeting))


def test_no_conflict_is_not_said_where_nothing_can_be() -> None:
    calm = make_trajectory(("de", "en", "ru"), (0, 500), lambda i, n, share: 0.5)
    assert findings(calm)[0].startswith("No conflict was found")
    blind = make_trajectory(("de", "en", "ru"), (0, 500), undetermined=(0, 500))
    assert findings(blind)[0].startswith("Nothing can be said about conflict")
    assert any("3 of 3 pairs are undetermined" in s for s in trajectory_open(blind))


def test_changes_are_claimed_where_they_are_shown() -> None:
    said = " ".join(findings(make_trajectory(("de", "en", "ru"), (0, 500, 1000))))
    assert "2 fell, most of all de and en, from 0.60 to -0.50 (difference -1.10" in said
    assert "1 rose, most of all en and ru" in said
    still = " ".join(findings(make_trajectory(("de", "en", "ru"), (0, 500), lambda i, n, share: 0.5)))
    assert "no change of the corrected cosine of any of 3 pairs could be shown" in still


def test_one_checkpoint_says_nothing_of_changes() -> None:
    said = " ".join(findings(make_trajectory(("de", "en"), (7,))))
    assert "first step" not in said
    assert "nan" not in said


def test_the_terminal_keeps_to_its_width_and_is_harmless() -> None:
    names = ("\x1b[2J clear", "English as spoken by " + "x" * 80, "日本語の標準語とても長い名前" * 3)
    result = make_trajectory(names, (0, 10_000_000), warnings=["\x1b[31mred"], model_id="m\x07" * 90)
    shown = terminal_report(result, 80)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    from rich.cells import cell_len

    assert max(cell_len(line) for line in shown.splitlines()) <= 80


def test_many_checkpoints_and_pairs_are_shortened() -> None:
    languages = [f"l{i:02}" for i in range(12)]
    shown = terminal_report(make_trajectory(languages, tuple(range(0, 6000, 100))), 80)
    assert "The ends of the list of 66 pairs" in shown
    assert len(shown.splitlines()) < 160
