"""What a contract can ask for, a file a kind of rule: its theory, its state, its slow path, the fast path it emits, its words.

`table` lists the rules about messages; `scoped` the DECLARE templates. `monitor` is what all rules have in common, `message`
and `template` what those of one family have.
"""
