"""What an import could not take as it is: left out, or read in another way. Each is told once, with a count."""

from __future__ import annotations

from dataclasses import dataclass

_MOST = 20


@dataclass(slots=True)
class _Remark:
    first: str  # the item it was first true of; "" where it is about the whole place
    times: int


class Remarks:
    """Remarks in the order in which they were first made."""

    def __init__(self) -> None:
        # by place and text
        self._remarks: dict[tuple[str, str], _Remark] = {}

    def __len__(self) -> int:
        return len(self._remarks)

    def add(self, place: str, text: str, item: str = "") -> None:
        """`place` is where in the file, such as `log.entries[0]`; `item` what there, such as `message 3`."""
        remark = self._remarks.setdefault((place, text), _Remark(item, 0))
        remark.times += 1

    def texts(self) -> list[str]:
        """A sentence each; of a great many, the first ones and how many more there are."""
        texts = [_sentence(place, text, remark) for (place, text), remark in self._remarks.items()]
        more = len(texts) - _MOST
        return texts if more <= 1 else [*texts[:_MOST], f"and {more:,} more remarks of this kind"]


def _sentence(place: str, text: str, remark: _Remark) -> str:
    where = ", ".join(part for part in (place, remark.first) if part)
    more = remark.times - 1
    again = f" (and {more:,} more like it)" if more else ""
    return f"{where}: {text}{again}" if where else f"{text}{again}"
