"""What keys are called: by Textual, and on the screen."""

from __future__ import annotations

_SHOWN = {
    "question_mark": "?", "full_stop": ".", "comma": ",", "left_square_bracket": "[", "right_square_bracket": "]", "colon": ":",
    "less_than_sign": "<", "greater_than_sign": ">", "slash": "/", "apostrophe": "'", "backslash": "\\", "plus": "+",
    "underscore": "_", "up": "↑", "down": "↓", "left": "←", "right": "→", "escape": "esc", "minus": "-", "equals_sign": "=",
}  # fmt: skip
_NAMES = {shown: name for name, shown in _SHOWN.items()}


def shown(key: str) -> str:
    """`question_mark` as `?`, `ctrl+f` as `^f`."""
    return _SHOWN.get(key, key.replace("ctrl+", "^"))


def named(text: str) -> str:
    """The other way round."""
    return _NAMES.get(text, f"ctrl+{text[1:]}" if len(text) == 2 and text[0] == "^" else text)
