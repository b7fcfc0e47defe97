"""Networks that label pixels: a contract (`net`), parts (`blocks`, `heads`), a file per architecture, and a `registry`.

Networks that only one system of `segcore.learn` can use, as their layers are its method, stand in its file: those of AC,
InfoSeg and MDC. Student and teacher of `segcore.pretrain` label nothing, and stand there.
"""
