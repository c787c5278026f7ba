"""Examples of each verb, for the manual; tests parse every one of them."""

EXAMPLES = {
    "init": ("stylealign init mine", "stylealign init mine --config tiny"),
    "data": (
        "stylealign data draw --draw human --resolution-px 64 --train-images 4000 --out-dir data/people",
        "stylealign data import photos/ --resolution-px 64 --out-dir data/mine",
        "stylealign data pairs --source human --target toon-head --out-dir data/pairs",
    ),
    "fetch": (
        "stylealign fetch human-64-a --out parent.safetensors",
        "stylealign fetch downloads/ffhq.pkl --out ffhq.safetensors",
    ),
    "info": ("stylealign info parent.safetensors",),
    "convert": (
        "stylealign convert ffhq.pkl ffhq.safetensors",
        "stylealign convert parent.safetensors parent.pt",
        "stylealign convert parent.safetensors parent.onnx",
    ),
    "grow": ("stylealign grow data/zoo/human-64-a.safetensors --out human-128-start.safetensors",),
    "pack": (
        "stylealign pack results/models/toon/model.safetensors --out toon-64.safetensors",
        "stylealign pack results/models/toon/model.safetensors --out data/zoo/toon-64.safetensors --zoo data/zoo.yaml"
        ' --description "toons (drawn with toon-head), 64 px; child of human-64-a"',
    ),
    "train": (
        "stylealign train --data data/mine/train.zip --init-from parent.safetensors --preset aligned64"
        " --kimg 24 --run-dir run --out-dir child",
    ),
    "generate": ("stylealign generate child/model.safetensors --seeds 0-63 --grid samples.png",),
    "encoder": (
        "stylealign encoder --model parent.safetensors --data data/people/train.zip --out encoder.safetensors",
    ),
    "invert": (
        "stylealign invert --model parent.safetensors --data me.jpg --out-dir codes",
        "stylealign invert --model parent.safetensors --data photos/ --space w --steps 300 --out-dir codes",
    ),
    "translate": (
        "stylealign translate --codes codes/codes.npz --source-model parent.safetensors"
        " --target-model child/model.safetensors --out-dir translated",
    ),
    "morph": (
        "stylealign morph --codes codes/codes.npz --source-model parent.safetensors"
        " --target-model child/model.safetensors --out-dir morph",
    ),
    "directions": ("stylealign directions --model parent.safetensors --method pca --out pca.npz",),
    "edit": (
        "stylealign edit --model parent.safetensors --relative child/model.safetensors --directions pca.npz"
        " --seeds 0-3 --grid edits.png",
    ),
    "explore": (
        "stylealign explore",
        "stylealign explore --model parent.safetensors --child mine=child/model.safetensors",
    ),
    "blend": ("stylealign blend parent.safetensors child/model.safetensors --swap-px 16 --out blended.safetensors",),
    "supervise": (
        "stylealign supervise --task pose --data data/people/train.zip --annotations data/people/train.annotations.npz"
        " --out pose.safetensors",
    ),
    "transfer": (
        "stylealign transfer --task pose --parent parent.safetensors --child child/model.safetensors"
        " --labeller pose.safetensors --out pose-of-child.safetensors",
    ),
    "predict": (
        "stylealign predict segmentation.safetensors photos/ --out-dir labels",
        "stylealign predict face-parser.yaml photos/ --fit face --out-dir labels",
    ),
    "alignment": ("stylealign alignment parent.safetensors child/model.safetensors --out pairs.png",),
    "evaluate": (
        "stylealign evaluate generators --model child/model.safetensors --data data/mine/train.zip"
        " --child-name mine --out rows.json",
    ),
    "tables": ("stylealign tables rows.json --out-dir tables",),
    "figures": (
        "stylealign figures samples parent=parent.safetensors child=child/model.safetensors --out samples.png",
        "stylealign figures ranking child=inverted/codes.npz --model parent.safetensors --pose pose.safetensors"
        " --data data/mine/test.zip --out ranking.png",
    ),
    "features": ("stylealign features --data data/people/train.zip data/people/test.zip --out-dir features/people",),
    "card": ("stylealign card child/model.safetensors --domain mine --rows rows.json --out card.json",),
    "report": ("stylealign report rows.json --figures samples.png --out report.html",),
    "provenance": ("stylealign provenance results/tables/all.csv --row 12 --tree",),
    "track": ("stylealign track --push", "stylealign track --check"),
    "restore": ("stylealign restore --remote store",),
    "plan": ("stylealign plan --configfile config/paper.yaml --cores 16 --gpus 4",),
    "completion": ("stylealign completion bash > ~/.local/share/bash-completion/completions/stylealign",),
    "gpu-run": ("stylealign gpu-run -n 1 -- python my_script.py",),
}
"""Command lines by verb, simplest first."""
