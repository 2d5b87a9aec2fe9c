"""What must not be in a dataset: secrets and personal details, found by rules in chat of any language. Pure.

`scan` finds them, `placeholders` says what stands in their place. Each rule takes time by the length of a text.
"""
