"""What a project settles: where it is found, what of it is wrong, and what a new file says."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from wsreplay.configuration import KEYS, document, find, read
from wsreplay.errors import ConfigurationError


def written(folder: Path, text: str, name: str = "wsreplay.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def test_the_nearest_file_counts_and_ours_before_the_shared_one(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find(inner).path is None
    top = written(tmp_path, '[tool.wsreplay]\nlisten = "1"\n', "pyproject.toml")
    written(tmp_path / "a", "[tool.other]\nx = 1\n", "pyproject.toml")
    assert (find(inner).path, find(inner).texts("listen")) == (top, ("1",))
    ours = written(tmp_path, 'listen = "2"\n')
    assert (find(inner).path, find(inner).values["listen"]) == (ours, (("2",), 1))


def test_somebody_elses_broken_file_is_no_concern_of_ours(tmp_path: Path) -> None:
    written(tmp_path, "[tool.other\n", "pyproject.toml")
    assert find(tmp_path).check().path is None


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that can be opened and not read")
def test_a_file_that_cannot_be_read_is_a_mistake_and_somebody_elses_is_none(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").symlink_to("/proc/self/mem")
    assert find(tmp_path).check().path is None
    (tmp_path / "wsreplay.toml").symlink_to("/proc/self/mem")
    with pytest.raises(ConfigurationError, match=r"wsreplay\.toml: cannot be read: "):
        find(tmp_path).check()


def test_what_is_no_text_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "wsreplay.toml").write_bytes(b'output = "\xff\xfe"\nlisten = "\x1b[2J"\n')
    assert find(tmp_path).errors


def test_paths_are_told_from_the_file_and_shown_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, 'contract = ["chat.yaml", "agent-chat"]\noutput = "kept"\nlisten = "unix:run/a.sock"\n')
    written(tmp_path, "contract: chat\n", "chat.yaml")
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path)
    here = find()
    assert (here.texts("contract"), here.texts("output")) == (("chat.yaml", "agent-chat"), ("kept",))
    monkeypatch.chdir(tmp_path / "inner")
    assert find().texts("contract") == (str(tmp_path / "chat.yaml"), "agent-chat")
    assert find().texts("listen") == (f"unix:{tmp_path}/run/a.sock",)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('\nupstraem = "x"\n', "wsreplay.toml:2: unknown key 'upstraem': did you mean upstream?"),
        ('as = "json"\n', "wsreplay.toml:1: unknown key 'as': did you mean decoder?"),
        ("zzz = 1\n", "wsreplay.toml:1: unknown key 'zzz': there are upstream, listen, "),
        ("listen = 8765\n", 'wsreplay.toml:1: listen must be a string, as in listen = "127.0.0.1:8765", not a number'),
        ('listen = ["1"]\n', "not a list"),
        ('user = ["a", 3]\n', 'user must be a string or a list of strings, as in user = "header:X-User-Id", not a number'),
        ("redact = []\n", "not an empty list"),
        ('upstream = ""\n', "not an empty string"),
        ("decoder = true\n", "not true or false"),
        ("[user]\nfrom = 1\n", "wsreplay.toml:1: user must be"),
        ("[tool.wsreplay]\n", "wsreplay.toml:1: keys belong at the top of wsreplay.toml, without [tool.wsreplay]"),
        ('listen = "1\n', "wsreplay.toml:1: is not TOML: "),
        ('listen = "1"\nlisten = "2"\n', "wsreplay.toml:2: is not TOML: cannot overwrite a value"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, error: str) -> None:
    configuration = find(written(tmp_path, text).parent)
    with pytest.raises(ConfigurationError) as caught:
        configuration.check()
    assert error in str(caught.value)


def test_in_the_shared_file_lines_are_those_of_our_table(tmp_path: Path) -> None:
    text = '[tool.other]\nlisten = 1\n\n[tool.wsreplay]\nlisten = 2\nuser = "header:X"\n\n[tool.z]\nuser = 1\n'
    configuration = read(tmp_path / "pyproject.toml", text)
    assert [(error.line, error.message[:6]) for error in configuration.errors] == [(5, "listen")]
    assert configuration.values["user"].line == 6
    (error,) = read(tmp_path / "pyproject.toml", "[tool]\nwsreplay = 1\n").errors
    assert error.message == "[tool.wsreplay] is not a table"


def test_one_mistake_does_not_hide_another_nor_what_is_right(tmp_path: Path) -> None:
    configuration = read(tmp_path / "wsreplay.toml", 'a = 1\nb = 2\nlisten = "1"\n')
    assert len(configuration.errors) == 2
    assert configuration.texts("listen") == ("1",)


def test_a_new_file_says_what_it_was_told_and_has_a_comment_on_every_key(tmp_path: Path) -> None:
    said = {"upstream": ('unix:a "quoted"\\path\n',), "redact": ("auto",), "contract": ("a", "b\x7f")}
    text = document(said)
    assert tomllib.loads(text) == {"upstream": said["upstream"][0], "redact": ["auto"], "contract": ["a", "b\x7f"]}
    assert all(f"{key} = " in text for key in KEYS)
    as_if_all_were_set = "\n".join(line.removeprefix("# ") if " = " in line else line for line in document({}).splitlines())
    configuration = read(tmp_path / "wsreplay.toml", as_if_all_were_set).check()
    assert list(configuration.values) == list(KEYS)
