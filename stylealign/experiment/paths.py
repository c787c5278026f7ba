"""Files of a run, relative to its folder."""

Files = dict[str, str]
"""Files by the role they play in a job."""


def data_file(domain: str, name: str) -> str:
    """Return a file of a prepared data set."""
    return f"data/prepared/{domain}/{name}"


def features_file(domain: str, split: str) -> str:
    """Return the features of a split of a domain."""
    return f"results/features/{domain}/{split}.npz"


def model_file(model: str) -> str:
    """Return the file of a model."""
    return f"results/models/{model}/model.safetensors"


def label_network(task: str, domain: str) -> str:
    """Return the network that was trained on a domain's own annotations."""
    return f"results/zero_shot/{task}/{domain}/oracle.safetensors"


def given_network(task: str, domain: str) -> str:
    """Return the network of one's own that labels a domain's images, as it was taken in."""
    return f"results/zero_shot/{task}/{domain}/labeller.safetensors"


def joint_network(task: str, resolution_px: int) -> str:
    """Return the network that learnt from all domains of one size together: the ruler between domains."""
    return f"results/zero_shot/{task}/joint-{resolution_px}px.safetensors"


def transferred_network(task: str, model: str, method: str, seed: int) -> str:
    """Return a network that learnt from the images of a child or a control, without labels of its domain."""
    return f"results/zero_shot/{task}/{model}/{method}-{seed}.safetensors"


def untested_network(task: str, child: str) -> str:
    """Return the network that labels the images of a child's domain which has no labels to test it with."""
    return f"results/zero_shot/{task}/{child}/untested.safetensors"


def predictions(task: str, child: str) -> str:
    """Return the folder of the labels that a network sees in the test images of a child's domain, which has none."""
    return f"results/zero_shot/{task}/{child}/predictions"
