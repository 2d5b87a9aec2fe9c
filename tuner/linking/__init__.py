"""Which message answers which: the link model, fitted to a server's own replies.

A message is read (`reading`), put beside those before it (`window`), compared with them (`features`), scored
twice, alone and with the conversations that come of it (`network`, `structure`), and linked (`linker`).
`conversations` are what is linked; `calibrate` fits all that to a server first. `training` makes the weights,
`explaining` says why.
"""
