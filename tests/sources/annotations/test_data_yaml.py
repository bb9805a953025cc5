"""The few lines of YAML that are read, as PyYAML would read them, and what is refused in one line."""

from pathlib import Path

import pytest

from striate.errors import DataError
from striate.sources.annotations.data_yaml import DataYaml, read_data_yaml


def read(tmp_path: Path, text: str) -> DataYaml:
    file = tmp_path / "data.yaml"
    file.write_text(text)
    return read_data_yaml(file)


@pytest.mark.parametrize(
    "names",
    [
        "[cat, dog, traffic light]",
        "['cat', \"dog\", traffic light,]  # three",
        "{0: cat, 1: dog, 2: 'traffic light'}",
        "\n- cat\n- dog\n- traffic light",
        "\n  - cat # one\n\n  - 'dog'\n  - traffic light",
        "\n  0: cat\n  1: dog\n  2: traffic light\n",
        "\n  2: traffic light\n  0: cat\n  1: dog\n",
        "['cat',\n  'dog',\n  'traffic light']",
        "[cat,\n dog,\n traffic light\n]",
        "\n  [cat, dog, traffic light]",
    ],
)
def test_names_in_every_way_that_they_are_written(names: str, tmp_path: Path) -> None:
    found = read(tmp_path, f"%s\ntrain: a b/images\nnames: {names}\nnc: 3\n" % "# comment")
    assert found.names == ("cat", "dog", "traffic light")
    assert found.splits == {"train": "a b/images"}


def test_what_is_not_needed_is_passed_over_with_all_below_it(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "---\npath: ../x # where\ntrain: 'it''s'\nval: \"a # b\"\ntest: # none\n\nnames: ['a, b', c:d]\n"
        "download: |\n  import os\n  names: [evil]\nroboflow:\n  license: CC BY 4.0\n  names: {}\nauthor: &a !!python/object x\n",
    )
    assert found == DataYaml("../x", {"train": "it's", "val": "a # b"}, ("a, b", "c:d"), None, None)


REFUSED = [
    ("names: &x [a]", "line 1: the value of names is in a YAML form that cannot be read"),
    ("names: *x", "line 1: the value of names"),
    ("names: !!python/object/apply:os.system [a]", "line 1: the value of names"),
    ("names: |\n  a", "line 1: the value of names"),
    ("names: [a, [b]]", "line 1: the value of names"),
    ("names: [a, b", "line 1: the value of names"),
    ("names: {a: 1}", "line 1: the value of names"),
    ("names:\n  0: a\n  0: b", "line 1: the value of names"),
    ("names:\n  - a\n    - b", "line 1: the value of names"),
    ("names:\n\t- a", "line 1: the value of names"),
    ("names: 'a", "line 1: the value of names"),
    ("names:\n  0: a\n  2: b", "names are not numbered 0, 1, 2"),
    ("names: a", "has no list of names"),
    ("names: []", "has no list of names"),
    ("nc: 2", "has no list of names"),
    ("", "has no list of names"),
    ("names: [a, a]", "names has a twice"),
    ("names: [a]\nnames: [b]", "line 2: names appears twice"),
    ("names: [a]\nnc: 2", "nc is 2, and there are 1 names"),
    ("names: [a]\ntrain: [x, y]", "train is a list of files or folders, and only one folder can be read"),
    ("names: [a]\ntrain: train.txt", "train is a list of files"),
    ("names: [a]\nkpt_shape: [0, 3]", r"kpt_shape is \[0, 3\] and not a number of keypoints and 2 or 3"),
    ("names: [a]\nkpt_shape: [999999, 3]", "kpt_shape is"),
    ("names: [a]\nkpt_shape: x", "kpt_shape is not a list of whole numbers"),
    ("names: [a]\nkpt_shape: [2, 3]\nflip_idx: [0, 0]", "flip_idx does not contain each keypoint"),
    ("names: [a]\njust text", "line 2: just text cannot be read; write key: value"),
    ("{names: [a]}", "cannot be read; write key: value"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_the_rest_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, text)
    assert "data.yaml" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 2097159 bytes, more than the limit of 1048576"):
        read(tmp_path, "names: " + "[" * 2**21)


def test_hostile_text_takes_no_time(tmp_path: Path) -> None:
    for text in ("names: " + "[" * 10**6, "names: " + "'" * 10**5, "names: " + "a" * 10**5 + "#" * 10**5, "a" * 10**6):
        with pytest.raises(DataError):
            read(tmp_path, text)
