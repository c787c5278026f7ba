"""What the report page says of each section, figure, table and metric: the words, apart from the layout."""

import dataclasses

from stylealign.applications.labels.methods import BACKWARDS, BEST, TRANSFERRED, UNALIGNED_END
from stylealign.applications.labels.methods import METHODS as WAYS
from stylealign.measurements import registry
from stylealign.measurements.shared import OTHER_SEED, PAIRS, PAIRS_SHUFFLED
from stylealign.measurements.zero_shot_distances import DAMPED, DISTANCES
from stylealign.measurements.zero_shot_latents import SHUFFLED
from stylealign.measurements.zero_shot_values import BOUNDARY


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        key: its anchor.
        title: its heading.
        lead: what is measured there, and why.
        figures: kinds of figures (first part of a file's name) that it shows.
    """

    key: str
    title: str
    lead: str
    figures: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class FigureText:
    """The words of a kind of figure; `{subject}` is the rest of its file's name.

    Attributes:
        title: what it is, in a few words.
        alt: what somebody sees, for somebody who does not.
        caption: how to read it.
    """

    title: str
    alt: str
    caption: str


SECTIONS = (
    Section(
        "models",
        "The models and what they draw",
        "Before any claim about alignment: how well does each network draw its domain? What the parent misses, no child"
        " can carry over, so read every later number against this section. Attributes that a domain lacks are left out"
        " of its coverage.",
        ("samples",),
    ),
    Section(
        "alignment",
        "Is the child aligned with its parent?",
        "The same latent code goes into every model. If parent and child are aligned, pose, layout and colours repeat;"
        " the unaligned control, fine-tuned from another parent, shows what chance looks like; drawn pairs, without any"
        " model, what the same pose alone gives.",
        ("aligned", "edits", "channels", "recovery", "ladder", "curve", "alignment"),
    ),
    Section(
        "inversion",
        "How well are real images found in the latent space?",
        "Translation and morphing start from the latent code of a real test image. W+ has one vector a layer and"
        " reconstructs closely; Z has a single one and stays nearer to what the network was trained on.",
        ("inversion",),
    ),
    Section(
        "translation",
        "Translation to the child's domain",
        "A source image is inverted in the parent and its code is given to the child. A good translation looks like"
        " the target domain (FID, KID) and keeps the source's layout (key points, rotation); either alone is easy.",
        ("translation", "multi-modal"),
    ),
    Section(
        "morphing",
        "Morphs from parent to child",
        "The latent code and every synthesis weight move together from the parent to the child. An even morph has a"
        " step ratio near 1; a pixel cross-fade is the fallback that needs no alignment.",
        ("morphing",),
    ),
    Section(
        "zero-shot",
        "Labels without labelling",
        "The parent's images are labelled by a network trained on the parent's domain only; through the shared latent"
        " code the labels pass to the child's images and train a new network, in several ways; the best is chosen on"
        " validation images. It has to beat source-only (the parent's"
        " network as it is); the oracle, trained on the child's own labels, is the ceiling, and the labels of another"
        " figure in the same pose (drawn pairs) are what the pose alone gives. Classes and key points that a domain"
        " lacks (the clothes of a robot) have no number and are left out of its means.",
        ("zero-shot", "ranking"),
    ),
)

OTHER = Section("more", "More of this run", "Figures and tables that belong to none of the sections above.", ())

FIGURES = {
    "samples": FigureText(
        "Random samples of every model",
        "Rows of random images drawn by each model of the run, labelled with the model's name.",
        "Random latents through the averaged generator, no truncation, nothing picked. Look for sharp parts and for"
        " variety. The same place is the same latent for every model.",
    ),
    "aligned": FigureText(
        "One latent code, every model: the family of {subject}",
        "A grid with one row a model and one column a latent code.",
        "Each column is one latent code. Read down a column: where pose, layout and colours repeat from the first row,"
        " the models are aligned. A row of an unaligned control should have nothing in common with the first.",
    ),
    "edits": FigureText(
        "The same edits in every model: directions of {subject}",
        "Blocks of rows, one block a direction, one row a model: two images each, changed from one end to the other.",
        "Each block is one direction of the parent, the strongest first; every row moves the same two latent codes by"
        " the same steps. Where a row changes as the first one does, the model has inherited the direction. A row of an"
        " unaligned control shows what a step does that means nothing there.",
    ),
    "channels": FigureText(
        "Style channels that {subject} shares with its parent",
        "Blocks of rows, one block a style channel: two images with the channel lower, as it is, higher; the change.",
        "Each block is one channel of the style space that is localized in the same region of both, the surest of each"
        " region. White is where the image changes most: on the region that the block is named after, in the parent and"
        " in the child. A row of an unaligned control changes elsewhere.",
    ),
    "recovery": FigureText(
        "What went silent, and came back: {subject}",
        "Blocks of rows, one block a direction: the parent, the child, what was fine-tuned back from it, and controls.",
        "Each block is one direction of the parent, first those that went silent in the child and work again after it"
        " was fine-tuned back to the parent's domain: nothing should happen in the second row, and in the third again"
        " what happens in the first. A control of another seed shows what comes back by chance.",
    ),
    "translation": FigureText(
        "Translation to {subject}",
        "Rows of source images, their reconstructions by the parent, their translations, and the control's output.",
        "Each column is one test image. The reconstruction shows what the code has kept, and the translation below it"
        " can keep no more. Good: the target's look with the source's pose, layout and colours. An unaligned control"
        " gets the same codes, and should lose them all.",
    ),
    "multi-modal": FigureText(
        "Many outputs of one source: {subject}",
        "Rows of one source image each, followed by all its translations under a guide.",
        "The first layers keep the source's code, the others come from random latents or from reference images. Good:"
        " outputs of a row share pose and layout, and differ in everything else.",
    ),
    "curve": FigureText(
        "Quality against alignment over the training of {subject}",
        "Curves of FID and of the agreement with the parent over kimg, and one against the other.",
        "More training buys quality (FID, lower is better) and may cost alignment (correlation of the poses that parent"
        " and child draw for one latent, higher is better). The stopping rule takes the fewest kimg whose quality is"
        " close to the best.",
    ),
    "ladder": FigureText(
        "Alignment against the distance of the domain",
        "Small plots, one a measure, with the distance of the domain on the horizontal axis and a line a method.",
        "Each child is a rung, named (or numbered) above the panel: from domains near the parent's on the left to"
        " far ones on the right, by FID between real images and, below, by the agreement of figures drawn in the same"
        " pose. A measure means something where the child stands apart from its unaligned control, from shuffled"
        " latents and from drawn pairs, which share the pose alone.",
    ),
    "morphing": FigureText(
        "Frames of the morphs to {subject}",
        "Rows of frames, from an image of the parent's domain on the left to the child's on the right.",
        "Each row is one morph, evenly spaced in time, between the reconstructions of two test images: the parent's"
        " (left) and the child's (right). Frames in the middle should look like something, not like two pictures at"
        " once.",
    ),
    "ranking": FigureText(
        "Real {subject} images in the order of what the parent knows",
        "Blocks of rows, a row an attribute or number: images with the most of it, from the middle, with the least.",
        "No label of this domain was used: the order is that of the images' W+ codes along a hyperplane between the"
        " parent's samples. Read a row from left to right: what it is named after should go from much to little. The"
        " first block is of codes in the child; of codes in an unaligned control the order should say nothing.",
    ),
    "zero-shot": FigureText(
        "Labels of real {subject} images",
        "Rows of the same test images with their annotation and with the labels that each network predicts.",
        "Colours are classes, yellow squares are key points. Compare each row with the annotation: source-only is the"
        " parent domain's network as it is, the zero-shot ones learnt transferred labels, the oracle from true ones.",
    ),
}

VIDEO_CAPTION = (
    "Each cell is one morph. Code and every weight of the generator move together, from the reconstruction of a test"
    " image by {parent} to that of one by {child}; the frames are {timing}."
)
PREVIEW_CAPTION = "{train:,} training and {test:,} test images at {size} px."

METHODS = {
    "latent-guided": "first layers from the source, the rest from random latents",
    "reference-guided": "first layers from the source, the rest from reference images",
    "layer-swap": "coarse blocks of the parent, fine ones of the child",
    "shuffled": "the child's images of other latents: chance",
    "test images": "real images, measured like samples",
    "parent": "the parent itself, scored on this domain",
    "child": "fine-tuned from the parent",
    "unaligned": "the control: same domain, another parent",
    OTHER_SEED: "the control of a recovery: a parent of another seed, never fine-tuned",
    **{method.row: method.text for method in WAYS},
    BOUNDARY: "the side of the parent's hyperplane that a code lies on, inverted in the child",
    DISTANCES: "few labels of the parent's domain on its codes' distances to a hyperplane, read from the child's codes",
    DAMPED: "the same, each distance held back with the weight of one label",
    BACKWARDS: "no network: what the parent's one says of the parent's image of a test image's code in the child",
    TRANSFERRED: "what the parent's network says of the parent's image, for the child's of the same latent",
    SHUFFLED: "the same of another latent: chance",
    BEST: "the zero-shot method that is best on validation images",
    **{
        f"{row}{UNALIGNED_END}": "the same through the control"
        for row in (BEST, BACKWARDS, TRANSFERRED, BOUNDARY, DISTANCES, DAMPED, *(own.row for own in WAYS))
    },
    "untouched": "the source images as they are: the bound of structure, and of measuring error",
    "random": "random samples of the child: the bound of realism without any structure kept",
    PAIRS["same-pose"]: "no model: another figure of the child's domain, drawn in the pose of one of the parent's",
    PAIRS["same-figure"]: "no model: one figure drawn in both renderings; what perfect alignment would reach",
    PAIRS_SHUFFLED: "no model: figures of both domains in unlike poses",
    "source-only": "the parent domain's network, applied as it is",
    "oracle": "trained on the child's own labels: the ceiling",
    "labeller": "the parent's network on the parent's own test images: the child's domain has no labels to test with",
    "cross-fade": "pixels blended, no network in between",
    "codes+weights even": "codes and weights, frames re-timed to even perceptual steps",
}
"""What a method is, where its name does not say it."""

STAGES = {
    "draw_domain": "draw the training images of a domain",
    "draw_held_out": "draw images for testing and validation",
    "import_domain": "import images",
    "import_validated_domain": "import images, with a validation split",
    "fetch_validated_domain": "fetch images, with a validation split",
    "label_domain": "import labels",
    "label_validated_domain": "import labels, with a validation split",
    "label_fetched_domain": "import labels of fetched images",
    "label_validated_fetched_domain": "import labels of fetched images, with a validation split",
    "predict": "label the images of a domain that has no labels",
    "fetch_parent": "fetch a parent",
    "fetch_child": "fetch a child",
    "train_parent": "train a parent",
    "train_child": "fine-tune a child",
    "invert": "invert test images",
    "translate": "translate",
    "random_samples": "draw random samples",
    "morph": "make morphs",
    "features": "compute features of images",
    "supervise": "train label networks on true labels",
    "transfer": "train label networks on transferred labels",
    "transfer_untested": "train label networks of domains without labels",
    "encoder": "train encoders",
    "blend": "blend models",
    "figures": "draw figures",
    "tables": "write tables",
}
"""What the jobs of a rule do; a measurement says it itself."""


def stage_text(rule: str) -> str:
    """Return what the jobs of a rule do."""
    measured = next((kind for kind in registry.KINDS if kind.name == rule), None)
    return f"measure: {measured.text}" if measured else STAGES.get(rule, rule.replace("_", " "))


def section_of(figure: str) -> Section:
    """Return the section that shows figures of a kind."""
    return next((section for section in SECTIONS if figure in section.figures), OTHER)


def section_of_table(table: str) -> Section:
    """Return the section that shows a table."""
    key = registry.table(table).section
    return next((section for section in SECTIONS if section.key == key), OTHER)


def kind_and_subject(stem: str) -> tuple[str, str]:
    """Return what a figure's file name says: its kind, and the model or domain that it shows (`zero-shot-animal`)."""
    known = {*FIGURES, *(kind for section in SECTIONS for kind in section.figures)}
    for kind in sorted(known, key=len, reverse=True):
        if stem == kind or stem.startswith(f"{kind}-"):
            return kind, stem[len(kind) + 1 :]
    return stem, ""


def figure_text(stem: str) -> FigureText:
    """Return the words of a figure by the name of its file; a plain title where its kind is not known."""
    kind, subject = kind_and_subject(stem)
    text = FIGURES.get(kind, FigureText(stem.replace("-", " "), f"Figure {stem}.", ""))
    title = text.title.format(subject=subject) if subject or "{subject}" not in text.title else kind
    return FigureText(title, text.alt, text.caption)
