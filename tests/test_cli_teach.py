"""`inkread teach`: what scripts depend on."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import WriteNetwork
from inkread.cli import main
from inkread.teaching import Profile

EXAMPLES = Path(__file__).parents[1] / "examples"
SEVEN = EXAMPLES / "7-shadow.jpg"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setenv("INKREAD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, list[str], list[str]]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err.splitlines()


def exported(capsys: pytest.CaptureFixture[str], folder: Path) -> Path:
    """Teach a digit, and return the new folder to which it was exported."""
    run(capsys, "teach", "3", "--yes", SEVEN)
    assert run(capsys, "teach", "--export", folder)[0] == 0
    return folder


def edit(folder: Path, changes: dict[str, object]) -> None:
    """Change the one entry of an exported folder."""
    (entry,) = json.loads((folder / "taught.json").read_text())["taught"]
    (folder / "taught.json").write_text(json.dumps({"taught": [{**entry, **changes}]}))


def zipped(folder: Path) -> Path:
    """Return a zip beside an exported folder, as the page writes it."""
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for path in folder.rglob("*.*"):
            archive.write(path, path.relative_to(folder))
    return folder.with_suffix(".zip")


def test_a_taught_picture_is_read_as_taught(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "teach", "3", "--yes", SEVEN) == (0, [f"{SEVEN}: taught 3 (number 1)"], [])
    assert run(capsys, SEVEN) == (0, ["3"], [])
    assert run(capsys, SEVEN, "--profile", "none") == (0, ["7"], [])


def test_a_label_that_the_network_is_sure_is_wrong_needs_a_yes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    eight = EXAMPLES / "8-ruled.jpg"
    code, out, err = run(capsys, "teach", "8", SEVEN, eight)
    assert (code, out) == (2, [f"{eight}: taught 8 (number 1)"])
    (line,) = err
    assert line.startswith(f"inkread: {SEVEN}: the network is ")
    assert " sure that this is 7, not 8; nothing was taught from it; to teach it all the same, add --yes" in line
    assert run(capsys, "teach", "7", SEVEN) == (0, [f"{SEVEN}: taught 7 (number 2)"], [])
    assert run(capsys, "teach", "8", SEVEN, "--yes")[:2] == (0, [f"{SEVEN}: taught 8 (number 3)"])
    # A wrong lesson is corrected without a question, though it is now read as an 8.
    assert run(capsys, "teach", "7", SEVEN)[0] == 0
    assert run(capsys, SEVEN)[1] == ["7"]


@pytest.mark.parametrize(("typed", "code", "read"), [("y\n", 0, "3"), ("Yes\n", 0, "3"), ("n\n", 1, "7"), ("", 1, "7")])
def test_at_a_terminal_a_doubtful_label_is_asked_about(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str, code: int, read: str
) -> None:
    terminal = io.StringIO(typed)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    ended = run(capsys, "teach", "3", SEVEN)
    assert ended[0] == code
    assert f"{SEVEN}: the network is " in ended[2][0]
    assert "sure that this is 7, not 3; teach it all the same? [y/N] " in ended[2][0]
    assert ("nothing was taught from it" in ended[2][0]) == (code == 1)
    assert run(capsys, SEVEN)[1] == [read]


def test_another_label_for_the_same_picture_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "teach", "3", "--yes", SEVEN)
    code, _, err = run(capsys, "teach", "7", SEVEN)
    assert code == 0
    assert err == [f"inkread: {SEVEN}: this digit was taught as 3 before; its label is now 7"]
    assert run(capsys, SEVEN)[1] == ["7"]


def test_another_label_for_nearly_the_same_picture_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    again = tmp_path / "again.jpg"
    with Image.open(SEVEN) as image:
        image.resize((image.width - 2, image.height - 2)).save(again, quality=80)
    run(capsys, "teach", "3", "--yes", SEVEN)
    assert run(capsys, "teach", "8", EXAMPLES / "8-ruled.jpg")[2] == []
    code, _, err = run(capsys, "teach", "7", again)
    assert code == 0
    assert len(err) == 1
    assert f"but number 1 ({SEVEN}) looks nearly the same and is taught as 3" in err[0]
    assert (run(capsys, SEVEN)[1], run(capsys, again)[1]) == (["3"], ["7"])


def test_what_cannot_be_taught_is_said_and_the_rest_is_taught(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "teach", "7", "missing.png", SEVEN)
    assert (code, len(out), len(err)) == (1, 1, 1)
    assert "missing.png" in err[0]
    code, out, err = run(capsys, "teach", "71", SEVEN)
    assert (code, out) == (1, [])
    assert err[0].startswith(f"inkread: {SEVEN}: the label has 2 digits, but 1 is found, read as 7; nothing was taught")


def test_list_forget_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "teach", "3", "--yes", SEVEN)
    _, out, _ = run(capsys, "teach", "--list", "--format", "json")
    (entry,) = map(json.loads, out)
    assert (entry["id"], entry["label"], entry["picture"], len(entry["box"])) == (1, 3, str(SEVEN), 4)
    assert run(capsys, "teach", "--forget", "9")[0] == 2
    assert run(capsys, "teach", "--forget", "x")[0] == 2
    assert run(capsys, "teach", "--forget", "1") == (0, ["1 digit deleted"], [])
    code, out, err = run(capsys, "teach", "--list")
    assert (code, out) == (0, [])
    assert err == ["inkread: nothing has been taught yet; start with: inkread teach LABEL PICTURE..."]
    assert run(capsys, SEVEN)[1] == ["7"]


def test_what_was_exported_is_imported_to_the_last_bit(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run(capsys, "teach", "3", "--yes", SEVEN)
    run(capsys, "teach", "8", EXAMPLES / "8-ruled.jpg")
    out = tmp_path / "out"
    assert run(capsys, "teach", "--export", out)[1] == ["2 digits exported"]
    assert sorted(path.name for path in out.iterdir()) == ["3", "8", "taught.json"]
    with Image.open(next((out / "8").iterdir())) as crop:
        assert max(crop.size) <= 160
    assert run(capsys, "teach", "--export", out)[0] == 2
    assert run(capsys, "teach", "--import", out, "--profile", "anna")[1] == ["2 digits taught"]
    assert run(capsys, SEVEN, "--profile", "anna")[1] == ["3"]
    # The crop is a picture, too.
    assert run(capsys, next((out / "8").iterdir()), "--profile", "none")[1] == ["8"]


def test_folders_of_pictures_are_imported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, digit in (("7-shadow.jpg", "3"), ("8-ruled.jpg", "8")):
        (tmp_path / "in" / digit).mkdir(parents=True)
        shutil.copy(EXAMPLES / name, tmp_path / "in" / digit)
    Image.fromarray(np.full((50, 50), 255, np.uint8)).save(tmp_path / "in" / "8" / "blank.png")
    code, out, err = run(capsys, "teach", "--import", tmp_path / "in")
    assert (code, out, len(err)) == (1, ["2 digits taught"], 1)
    assert "blank.png" in err[0]


@pytest.mark.parametrize(
    "damage",
    ["", "[]", '{"taught": [{"label": 3}]}', '{"taught": [{"glyph": "?"}]}', '{"taught": 3}', "\x00", "[" * 200_000],
)
def test_a_damaged_export_teaches_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path, damage: str) -> None:
    (tmp_path / "taught.json").write_text(damage)
    code, _, err = run(capsys, "teach", "--import", tmp_path)
    assert code == 4
    assert len(err) == 1
    assert "taught.json: is damaged" in err[0]
    assert "Error" not in err[0]


def test_an_imported_name_is_no_longer_than_a_path_and_steers_no_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = exported(capsys, tmp_path / "out")
    edit(folder, {"picture": "x" * 5000})
    assert run(capsys, "teach", "--import", folder, "--profile", "anna")[0] == 4
    edit(folder, {"picture": "\x1b[31mred\nnew\0"})
    assert run(capsys, "teach", "--import", folder, "--profile", "anna")[0] == 0
    (line,) = run(capsys, "teach", "--list", "--profile", "anna")[1]
    assert r"\x1b[31mred\nnew\x00" in line


def test_a_file_is_no_folder_to_import(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "teach", "--import", SEVEN)
    assert code == 4
    assert "is a file" in err[0]


def test_an_export_with_two_labels_for_a_digit_teaches_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = exported(capsys, tmp_path / "out") / "taught.json"
    entries = json.loads(path.read_text())["taught"]
    path.write_text(json.dumps({"taught": [*entries, {**entries[0], "label": 5}]}))
    code, _, err = run(capsys, "teach", "--import", tmp_path / "out", "--profile", "anna")
    assert code == 2
    assert "taught as 3 and as 5" in err[0]
    assert run(capsys, "teach", "--list", "--profile", "anna")[1] == []


@pytest.mark.parametrize(
    "words",
    [
        ["teach"],
        ["teach", "7"],
        ["teach", "x", "a.png"],
        ["teach", "7", "a.png", "--list"],
        ["teach", "--import", "no"],
    ],
)
def test_what_does_not_fit_together_is_said_in_one_line(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code, out, err = run(capsys, *words)
    assert code in {2, 4}
    assert (out, len(err)) == ([], 1)


def test_a_misspelt_profile_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run(capsys, "teach", "3", "--yes", SEVEN, "--profile", "anna")
    code, _, err = run(capsys, SEVEN, "--profile", "ana")
    assert code == 2
    assert "profiles: anna" in err[0]
    for words in (["--list"], ["--forget", "all"], ["--export", tmp_path / "out"]):
        code, _, err = run(capsys, "teach", *words, "--profile", "ana")
        assert code == 2
        assert "profiles: anna" in err[0]
    assert not (tmp_path / "out").exists()


def test_a_model_that_does_not_know_what_was_taught_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, write_network: WriteNetwork
) -> None:
    path = write_network(tmp_path / "plain.onnx")
    assert run(capsys, SEVEN, "--model", path)[2] == []
    run(capsys, "teach", "3", "--yes", SEVEN)
    (line,) = run(capsys, SEVEN, "--model", path)[2]
    assert "taught digits are not used, because this model file gives no features to compare" in line
    assert run(capsys, SEVEN, "--model", path, "--profile", "none")[2] == []


def test_what_was_taught_stands_beside_what_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "teach", "3", "--yes", SEVEN)
    code, out, _ = run(capsys, "explain", SEVEN)
    assert code == 0
    assert out[0].startswith("7 ")
    assert out[1] == "read as 3 because of its surroundings or taught digits; this explains the network alone"
    told = json.loads(run(capsys, "explain", SEVEN, "--format", "json")[1][0])
    assert (told["answer"], told["read_as"]) == ("7", "3")
    assert "because of taught digits" not in " ".join(run(capsys, "explain", SEVEN, "--profile", "none")[1])


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("label", 10, "the label"),
        ("label", "3", "the label"),
        ("label", True, "the label"),
        ("glyph", "AAAA", "the glyph"),
        ("glyph", 7, "the glyph"),
        ("box", [1, 2, 3], "the box"),
        ("box", "1234", "the box"),
        ("box", [1, 2, 10**400, 4], "the box"),
        ("taught", "yesterday\x1b[31m", "the time"),
        ("picture", None, "the picture has no name of up to 4096 characters"),
        ("picture", "x" * 10_000_000, "the picture has no name of up to 4096 characters"),
    ],
)
def test_an_entry_that_is_not_as_we_wrote_it_is_said_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, key: str, value: object, reason: str
) -> None:
    edit(exported(capsys, tmp_path / "out"), {key: value})
    code, out, err = run(capsys, "teach", "--import", tmp_path / "out", "--profile", "anna")
    assert (code, out, len(err)) == (4, [], 1)
    assert f"is damaged (digit 1 of the list: {reason}" in err[0]
    assert len(err[0]) < 400


def test_a_picture_whose_name_is_no_text_is_taught(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = f"{tmp_path}/\udcff\x1b.jpg"
    try:
        shutil.copy(SEVEN, path)
    except (OSError, UnicodeError):
        pytest.skip("this system has no such names")
    assert run(capsys, "teach", "3", "--yes", path) == (0, [rf"{tmp_path}/\udcff\x1b.jpg: taught 3 (number 1)"], [])


def test_the_zip_of_an_export_is_imported_as_its_folder_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = zipped(exported(capsys, tmp_path / "out"))
    assert run(capsys, "teach", "--import", path, "--profile", "anna")[:2] == (0, ["1 digit taught"])
    assert run(capsys, SEVEN, "--profile", "anna")[1] == ["3"]
    run(capsys, "teach", "--export", tmp_path / "same", "--profile", "anna")
    pictures = [next((tmp_path / name / "3").iterdir()).read_bytes() for name in ("out", "same")]
    assert pictures[0] == pictures[1]


def test_no_more_of_a_zip_is_unpacked_than_an_export_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = exported(capsys, tmp_path / "out")
    (folder / "3" / "000001.png").write_bytes(bytes(50_000_000))
    code, out, err = run(capsys, "teach", "--import", zipped(folder), "--profile", "anna")
    assert (code, out, len(err)) == (4, [], 1)
    assert "3/000001.png has over 32768 bytes" in err[0]
    monkeypatch.setattr("inkread.teaching.exchange.LARGEST_LIST", 1000)
    assert "taught.json has over 1000 bytes" in run(capsys, "teach", "--import", zipped(folder))[2][0]


@pytest.mark.parametrize("file", ["../../secret.png", "/etc/passwd", "3/..", "..\\secret.png"])
def test_an_export_does_not_reach_for_files_elsewhere(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, file: str
) -> None:
    folder = exported(capsys, tmp_path / "out")
    for path in (tmp_path / "secret.png", folder / "secret.png"):
        path.write_bytes(b"secret")
    edit(folder, {"file": file})
    assert run(capsys, "teach", "--import", folder, "--profile", "anna")[0] == 0
    assert run(capsys, "teach", "--import", zipped(folder), "--profile", "bob")[0] == 0
    assert [own.crop for name in ("anna", "bob") for own in Profile(name).lessons()] == [b"", b""]


def test_a_zip_that_cannot_be_used_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = exported(capsys, tmp_path / "out")
    whole = zipped(folder).read_bytes()
    cases = {
        "cut.zip": (whole[:300], "is a file but not a zip; name a folder"),
        # Its checksum shows it.
        "changed.zip": (whole.replace(b'"taught"', b'"TAUGHT"'), "taught.json cannot be unpacked"),
        "7.jpg": (SEVEN.read_bytes(), "is a file but not a zip; name a folder"),
    }
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("out/taught.json", "{}")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("taught.json", "{}")
    cases["other.zip"] = ((tmp_path / "other.zip").read_bytes(), "has no taught.json at its top level; unpack it")
    cases["packed.zip"] = ((tmp_path / "packed.zip").read_bytes(), "is compressed by another method than deflate")
    for name, (content, reason) in cases.items():
        (tmp_path / name).write_bytes(content)
        code, out, err = run(capsys, "teach", "--import", tmp_path / name, "--profile", "anna")
        assert (code, out, len(err)) == (4, [], 1)
        assert reason in err[0], name


def test_the_same_digit_in_two_pictures_is_one_lesson_with_one_number(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    again = shutil.copy(SEVEN, tmp_path / "again.jpg")
    run(capsys, "teach", "8", EXAMPLES / "8-ruled.jpg")
    _, out, _ = run(capsys, "teach", "7", SEVEN, again)
    assert out == [f"{SEVEN}: taught 7 (number 2)", f"{again}: taught 7 (number 2)"]
    assert [line[:8] for line in run(capsys, "teach", "--list")[1]] == ["    1  8", "    2  7"]
