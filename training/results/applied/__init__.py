"""Tables of what the machine threshold is good for beside coding: watermarks, quality."""
