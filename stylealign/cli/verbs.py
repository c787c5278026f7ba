"""The verbs of the command line with their lines of help, so that `--help` needs no verb's module."""

VERBS = {
    "data": "make a data set: draw an avatar domain, import a folder or zip of images, or fetch a published one",
    "fetch": "get a model by name (data/zoo.yaml), path or address, check it and store it in the native format",
    "info": "print a checkpoint's architecture, training length, size and checksum as JSON",
    "convert": "convert a checkpoint of any known format to .safetensors (native) or .pt (rosinality style)",
    "train": "train a StyleGAN2 from scratch, or fine-tune a child with --init-from",
    "generate": "draw samples of a model, one per seed",
    "encoder": "train an encoder: image -> W+ code of one model",
    "invert": "find the latent codes of images (Z, Z+, W or W+)",
    "translate": "draw a model's codes with an aligned model",
    "morph": "morph images from one model to an aligned one: video, strip, frames and measures",
    "blend": "swap or blend the layers of two aligned models, by resolution",
    "supervise": "train a segmentation, keypoint, pose or attribute network on annotated images",
    "transfer": "train a label network of the child's domain on the parent's labels of the same latents (zero-shot)",
    "alignment": "score how aligned two models are, in [0, 1]: no labels, no real images; draw eight pairs",
    "evaluate": "measure models, codes, images or networks: rows of the tables, as JSON",
    "tables": "make the tables (CSV, Markdown, LaTeX) and all.csv from the rows that `stylealign evaluate` wrote",
    "figures": "make the figures: samples, aligned samples, translations, guided outputs, morphs, labels",
    "card": "write a model's card (JSON) from its header and files of `stylealign evaluate`",
    "report": "make one self-contained HTML page: figures, sortable tables, morph videos, protocols, hashes, run times",
    "provenance": "print where a number of all.csv comes from: settings, seed, versions, hashes of the files behind it",
    "track": "track the files of a finished run with DVC: pointers and a manifest of hashes, for git",
    "restore": "bring a tracked run's files back from DVC, checked against the manifest, and mark them as up to date",
    "plan": "say what the workflow's next run takes: CPU- and GPU-hours, disk and downloads by stage",
    "gpu-run": "run a command on N GPUs of this machine that no other job uses",
}
"""Text of `--help` by verb; the verb is the module of that name in `stylealign.cli`, with `_` for `-`."""
