"""What a contract reads of a message, as a type: the decoder makes only these values and skips all others.

Skipping checks the JSON all the same, except that texts are UTF-8, which whoever decodes has to see to. Integers keep all
their digits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any

import msgspec

from wsreplay.contract.model import Contract
from wsreplay.contract.paths import Path, of_steps
from wsreplay.trace import jsonpath

_LIFTED = "\ue000kind"  # the member that holds the type where it does not stand at the top of a message
_ROOT = "\ue000root"  # the member that holds a message that is an array
_LAST_INDEX = 7  # what stands further behind in an array is read with all of it
_Tree = dict[str | int, Any]  # member or index → what is read below it; empty: the value itself


def paths_of(contract: Contract, *, labels: bool = False) -> list[Path]:
    """All paths that the contract reads, that of the type first; with `labels`, those of its spans' names too."""
    envelope = contract.envelope
    paths = [path for path in (envelope.type, envelope.sent, envelope.seq, envelope.id) if path is not None]
    paths += envelope.unpack
    paths += [source for key in contract.keys.values() for source in key.sources if isinstance(source, Path)]
    paths += [path for rule in contract.rules for path in rule.paths()]
    if labels:
        paths += [source for span in contract.spans.values() for source in span.label if isinstance(source, Path)]
    patterns = [pattern for rule in contract.rules for pattern in rule.patterns()]
    return paths + [path for pattern in patterns for path, _ in pattern.where]


class PartialDecoder:
    """Decodes only what a contract reads: its messages are of one generated type, whose member `kind` is the event's type."""

    def __init__(
        self, paths: Iterable[Path], without: Collection[str] = (), needed: Collection[str] = (), skimmed: Collection[str] = (),
        *, kind_last: bool = False,
    ) -> None:  # fmt: skip
        """The first path is that of the type. Messages that have one of the members `without`, or lack one of `needed`, are
        refused. Of members `skimmed` that no path leads to, only whether they are there is told. `kind_last`: what stands
        beside the type has the place that it would have without it."""
        self._paths = paths = list(paths)
        self._without, self._needed = frozenset(without), frozenset(needed)
        # whether a message may be an array, which a path looks into
        self._reads_arrays = any(path.steps and isinstance(path.steps[0], int) for path in paths)
        # members that are read as they are, whatever stands below them
        self._whole = {_members(path) for path in paths}
        # all that is read; its order is that of the generated type's members f0, f1, …
        self._tree: _Tree = {}
        for path in [*paths[1:], paths[0]] if kind_last else paths:
            self._plant(_members(path))
        _keep_apart(self._tree)
        self._skimmed = frozenset(skimmed) - self._tree.keys()
        for member in sorted(self._skimmed):
            self._tree[member] = {}
        self.kind_path = paths[0]
        self.type = self._struct("Message", self._tree, ())
        # a function of msgspec's from a payload to an instance of `type`
        self._decode = msgspec.json.Decoder(self.type).decode
        # the type does not stand at the top of a message: it is looked for, and set
        self._lifts = self._is_lifted()
        self._find_kind = self.getter(self.kind_path)

    def _plant(self, members: jsonpath.Path) -> None:
        node = self._tree
        for depth, member in enumerate(members, 1):
            node = node.setdefault(member, {})
            if members[:depth] in self._whole:
                node.clear()
                break

    def _struct(self, name: str, tree: _Tree, above: jsonpath.Path) -> type[msgspec.Struct]:
        if _is_array(tree):
            items = [(step, tree.get(step)) for step in range(max(map(int, tree)) + 1)]
            types = [self._struct(f"{name}_{step}", below, (*above, step)) | None if below else Any for step, below in items]
            return msgspec.defstruct(
                name, [(f"i{step}", type_, None) for step, type_ in enumerate(types)], array_like=True, gc=False
            )
        fields, rename = list[tuple[str, Any] | tuple[str, Any, Any]](), dict[str, str]()
        if not above:
            fields.append(("kind", Any, None))
            if self._reads_arrays:
                fields.append(("root", Any, None))
                rename["root"] = _ROOT
            single = len(self.kind_path.steps) == 1 and isinstance(self.kind_path.steps[0], str)
            rename["kind"] = str(self.kind_path.steps[0]) if single else _LIFTED
        for number, (member, below) in enumerate(tree.items()):
            if not above and member == rename.get("kind"):
                continue
            type_: Any = self._struct(f"{name}_{number}", below, (*above, member)) | None if below else Any
            if not above and member in self._without:
                type_ = None
            elif not above and member in self._skimmed:
                type_ = msgspec.Raw
            if not above and member in self._needed:
                fields.append((f"f{number}", str))
            else:
                fields.append((f"f{number}", type_, None))
            rename[f"f{number}"] = str(member)
        return msgspec.defstruct(name, fields, rename=rename, gc=False, kw_only=True)

    def with_type_at(
        self, members: tuple[str, ...], without: Collection[str] = (), needed: Collection[str] = (),
        besides: Collection[str] = (), skimmed: Collection[str] = (),
    ) -> PartialDecoder | None:  # fmt: skip
        """One that reads the same, under the same names, but for the type, which stands at other members.

        None where the names cannot be the same. Messages that have one of the members `without`, or lack one of `needed`, are
        refused; those `besides` are read too, and of those `skimmed` whether they are there.
        """
        kind = of_steps(members)
        others = [path for path in self._paths[1:] if path.steps != self.kind_path.steps]
        if any(path.steps == members for path in others):
            return None
        extra = [of_steps((member,)) for member in (*without, *needed, *besides)]
        if len(members) > 1 and self.kind_path.steps[0] in without:
            ordered = [kind, self.kind_path, *others, *extra]
            other = PartialDecoder(ordered, without, needed, kind_last=True)
        else:
            other = PartialDecoder([kind, *others, *extra], without, needed, skimmed)
        same = all(other.expression(path) == self.expression(path) for path in others)
        return other if same and len(others) == len(self._paths) - 1 else None

    def reads_below(self, members: Collection[str]) -> bool:
        """Whether a path leads to one of these members."""
        return not self._tree.keys().isdisjoint(members)

    def decoder(self) -> Callable[[bytes], Any]:
        """A function from a payload to a message. It raises ValueError or RecursionError."""
        return self._decode_and_lift if self._lifts else self._decode

    def _decode_and_lift(self, payload: bytes) -> Any:
        message: Any = self._decode(payload)
        message.kind = self._find_kind(message)
        return message

    def from_document(self, document: Any, kind: str) -> Any:
        """The same from a decoder's document, whatever stands where an object is looked for."""
        try:
            message = msgspec.convert(document, self.type)
        except (ValueError, RecursionError):
            message = self._from_plain(self.type, self._tree, document)
            if self._reads_arrays:
                setattr(message, "root", document)  # noqa: B010
        setattr(message, "kind", kind)  # noqa: B010
        return message

    def _from_plain(self, type_: Any, tree: _Tree, plain: Any) -> Any:
        message, is_array = type_(), type_.__struct_config__.array_like
        for place, field in enumerate(msgspec.structs.fields(type_)):
            step = place if is_array else field.encode_name
            value, below = of_steps((step,)).find(plain), tree.get(step)
            if below:
                inner = next(member for member in field.type.__args__ if member is not type(None))
                value = self._from_plain(inner, below, value)
            setattr(message, field.name, value)
        return message

    def expression(self, path: Path, message: str = "d") -> tuple[str, Path | None]:
        """Source that reads a path, and the path that is still to be found below what it reads, if any."""
        node, source, steps = self._tree, message, list(path.steps)
        if steps and isinstance(steps[0], int):
            return f"{message}.root", path
        taken = 0
        while steps and steps[0] in node:
            attribute = self._attribute(node, steps[0], top=taken == 0)
            source = f"{source}.{attribute}" if taken == 0 else f"({source}.{attribute} if {source} is not None else None)"
            node, taken = node[steps[0]], taken + 1
            steps = steps[1:]
        return source, of_steps(tuple(steps)) if steps else None

    def guarded(self, path: Path, message: str = "d") -> tuple[str, str] | None:
        """The same of what stands in an object of the message: source that is None where there is none, and source that reads
        it elsewhere; None of another path."""
        outer, inner = self._tree.get(path.steps[0]), path.steps[-1]
        if len(path.steps) != 2 or not outer or inner not in outer or outer[inner]:
            return None
        guard = f"{message}.{self._attribute(self._tree, path.steps[0], top=True)}"
        return guard, f"{guard}.{self._attribute(outer, inner, top=False)}"

    def _attribute(self, node: _Tree, member: str | int, top: bool) -> str:
        if isinstance(member, int):
            return f"i{member}"
        if top and not self._is_lifted() and member == self.kind_path.steps[0]:
            return "kind"
        return f"f{list(node).index(member)}"

    def _is_lifted(self) -> bool:
        return len(self.kind_path.steps) != 1 or not isinstance(self.kind_path.steps[0], str)

    def look_at(self, *members: str) -> Callable[[Any], tuple[Any, ...]]:
        """A function from a message to its type and to members that are read whole, or skimmed."""
        attributes = ["kind", *(self._attribute(self._tree, member, top=True) for member in members)]
        look: Callable[[Any], tuple[Any, ...]] = eval(f"lambda d: ({', '.join(f'd.{name}' for name in attributes)})", {})
        return look

    def getter(self, path: Path) -> Callable[[Any], Any]:
        """A function from a message to what stands at a path, None where nothing does."""
        source, rest = self.expression(path)
        read: Callable[[Any], Any] = eval(f"lambda d: {source}", {})
        if rest is None:
            return read
        return lambda message: rest.find(read(message))


@lru_cache(maxsize=64)
def partial_decoder(paths: tuple[Path, ...]) -> PartialDecoder:
    """Shared by all engines of a contract: the types take a quarter of the time that making an engine takes."""
    return PartialDecoder(paths)


def _members(path: Path) -> jsonpath.Path:
    """The steps a path begins with that the decoder takes: members, and the first places of arrays within them."""
    members: list[str | int] = []
    for step in path.steps:
        if isinstance(step, int) and not (members and 0 <= step <= _LAST_INDEX):
            break
        members.append(step)
    return tuple(members)


def _is_array(tree: _Tree) -> bool:
    return any(isinstance(step, int) for step in tree)


def _keep_apart(tree: _Tree) -> None:
    """What may be an object or an array is read as it is."""
    for below in tree.values():
        if len({type(step) for step in below}) > 1:
            below.clear()
        _keep_apart(below)
