"""Panels of classifiers: who must keep the labels of a picture, embedded ones and your own.

    from engine.panels.naming import parse
    from engine.panels.own import open_panel
    panel = open_panel(parse(["photos", "model.onnx"]))
    panel.logits_of(pixels)                        # uint8 N×H×W×3 -> float32 N×P×classes

`naming` reads what `--panel` names, `classes` the names of classes. `embedded` is a panel of
`engine.models.registry.PANELS`; `own` one with classifiers from outside, each in a file for its
kind: `onnx_file` by ONNX Runtime, `torch_models` (torchvision, timm) by PyTorch. `gradients` is any
of them in PyTorch, for a search. `predicted` holds what both kinds of panel have in common.
"""
