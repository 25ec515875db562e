"""A payload as a signal: the secret `key`, the `message` as codeword, `carriers` and `spectrum`.

The format of a watermark is decided here: what is changed can no longer be read.
"""
