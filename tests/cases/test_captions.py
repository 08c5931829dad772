"""Words given with a picture: one line, of a length that can be a title or caption."""

import pytest

from explorer.cases.given_caption import MOST, beside, one_line


def test_words_become_one_line_without_control_characters():
    assert one_line("  a red\n door\t\x00 by\u2028 Ada ") == "a red door by Ada"
    assert one_line(" \n ") == "" and len(one_line("ab " * MOST)) <= MOST


def test_words_beside_a_picture_are_read_from_the_text_file_of_its_name(tmp_path):
    picture = tmp_path / "door.png"
    assert beside(picture) == ""
    (tmp_path / "door.txt").write_bytes("a réd\r\ndoor".encode() + b" \xff")
    assert beside(picture) == "a réd door \ufffd"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252",
                                      "latin-1"])
def test_words_beside_a_picture_are_read_in_any_encoding(tmp_path, encoding):
    words = "Fähre über die Spree, Öl auf Leinwand, gemalt für die Großmutter"
    (tmp_path / "a.txt").write_bytes(words.encode(encoding))
    assert beside(tmp_path / "a.png") == words


@pytest.mark.parametrize("encoding", ["shift_jis", "gb18030", "euc_kr", "cp1251"])
def test_words_in_other_scripts_are_guessed_by_their_letters(tmp_path, encoding):
    words = {"shift_jis": "これは赤いドアの前に座っている犬の絵です。",
             "gb18030": "这是一只坐在红色门前的狗的图画，天空很蓝。",
             "euc_kr": "이것은 빨간 문 앞에 앉아 있는 개의 그림입니다.",
             "cp1251": "Это картина с собакой, которая сидит у красной двери."}
    (tmp_path / "a.txt").write_bytes(words[encoding].encode(encoding))
    assert beside(tmp_path / "a.png") == words[encoding]


def test_settings_beside_a_picture_are_not_its_words(tmp_path):
    """Some programs leave the settings' text there: the prompt is the words."""
    settings = "a red door\nNegative prompt: dull\nSteps: 20, Sampler: Euler a, Seed: 1, Size: 64x64"
    (tmp_path / "a.txt").write_text(settings)
    assert beside(tmp_path / "a.png") == "a red door"
