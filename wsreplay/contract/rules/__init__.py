"""The kinds of rules that the language has, a file each: the value, how it is read, its JSON Schema.

`table` lists them; how a kind is judged is the validator's business (`wsreplay.validator.rules`).
"""
