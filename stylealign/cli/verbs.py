"""The verbs of the command line with their lines of help, so that `--help` needs no verb's module."""

VERBS = {
    "init": "write a folder that is ready for snakemake: configuration, Snakefile, profiles; no checkout is needed",
    "data": "make a data set: draw an avatar domain, import a folder or zip of images, or fetch a published one",
    "fetch": "get a model by name (data/zoo.yaml), path or address, check it and store it in the native format",
    "info": "print a checkpoint's architecture, training length, size and checksum as JSON",
    "convert": "convert a model to .safetensors (native), .pt (rosinality style) or .onnx, a label network to .onnx",
    "grow": "write a model of twice the resolution: a block more, its images those of the model up-sampled",
    "pack": "write a model's averaged generator as a small file: half precision where no sample changes",
    "train": "train a StyleGAN2 from scratch, or fine-tune a child with --init-from",
    "generate": "draw samples of a model, one per seed",
    "encoder": "train an encoder: image -> W+ code of one model",
    "invert": "find the latent codes of images (Z, Z+, W, W+ or S)",
    "translate": "draw a model's codes with an aligned model",
    "morph": "morph images from one model to an aligned one: video, strip, frames and measures",
    "directions": "find directions of a model: closed form, components, boundaries, style channels; or import them",
    "edit": "move codes along directions, in a model and in its aligned relatives side by side",
    "explore": "look through a parent and its children on a local page: seeds, pictures, morphs, directions",
    "blend": "swap, blend, extrapolate or add the layers of aligned models, by resolution",
    "supervise": "train a segmentation, keypoint, pose or attribute network on annotated images",
    "transfer": "train a label network of the child's domain on the parent's labels of the same latents (zero-shot)",
    "predict": "label a folder of pictures with a label network: masks, COCO JSON, a table, overlays",
    "alignment": "score how aligned two models are, in [0, 1]: no labels, no real images; draw eight pairs",
    "evaluate": "measure models, codes, images or networks: rows of the tables, as JSON",
    "features": "compute the features of image sets, that measurements take in place of the images",
    "tables": "make the tables (CSV, Markdown, LaTeX) and all.csv from the rows that `stylealign evaluate` wrote",
    "figures": "make the figures: samples, aligned samples, translations, guided outputs, morphs, labels",
    "card": "write a model's card (JSON) from its header and files of `stylealign evaluate`",
    "report": "make one self-contained HTML page: figures, sortable tables, morph videos, protocols, hashes, run times",
    "provenance": "print where a number of all.csv comes from: settings, seed, versions, hashes of the files behind it",
    "track": "track the files of a finished run with DVC: pointers and a manifest of hashes, for git",
    "restore": "bring a tracked run's files back from DVC, checked against the manifest, and mark them as up to date",
    "plan": "say what the workflow's next run takes: CPU- and GPU-hours, disk and downloads by stage",
    "completion": "print the script by which bash or zsh completes verbs, flags and their choices",
    "gpu-run": "run a command on N GPUs of this machine that no other job uses",
}
"""Text of `--help` by verb; the verb is the module of that name in `stylealign.cli`, with `_` for `-`."""

GROUPS = {
    "to begin": ("init", "data", "fetch", "explore"),
    "models": ("train", "generate", "info", "convert", "grow", "pack", "blend"),
    "codes": ("invert", "encoder", "translate", "morph", "directions", "edit"),
    "labels": ("supervise", "transfer", "predict"),
    "numbers and pictures": ("alignment", "evaluate", "features", "tables", "figures", "report", "card", "provenance"),
    "runs": ("plan", "track", "restore", "gpu-run", "completion"),
}
"""The verbs by what they are about, as `--help` and the manual show them."""
