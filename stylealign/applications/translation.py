"""Translation between aligned models: a source's latent code, drawn by the target model (StyleAlign, section 5)."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.config import TranslateSettings
from stylealign.errors import StyleAlignError
from stylealign.images import to_pixels
from stylealign.latents.codes import Codes, codes_to_ws
from stylealign.networks.generator import Generator
from stylealign.networks.synthesis import SynthesisNetwork
from stylealign.sampling import mean_label, seeded_normal
from stylealign.streams import numpy_stream


def translate(
    codes: Codes, target: Generator, settings: TranslateSettings, references: Codes | None = None
) -> Iterator[NDArray[np.uint8]]:
    """Yield the target model's images of `codes`: all outputs of the first source, then of the second, ...

    Codes of mapped spaces (Z, Z+) go through the **target's** mapping network, others (W, W+) straight to its synthesis
    network. The noise maps fitted during inversion belong to the source model and are not carried over: the target's
    own are used. Under a guide the first layers keep the source's w and the others take a random latent's or a
    reference's: one source then has many translations, of one pose and layout. Styles (S) stay those of the
    source model.

    Args:
        codes: codes found in a model of the same architecture.
        target: generator of the target domain.
        settings: truncation, guide, outputs of each source.
        references: codes found in the target model, for the guide "reference".

    Yields:
        Images `[n, 3, r, r]` uint8, `len(codes) * settings.outputs` in all.

    Raises:
        StyleAlignError: no references for the guide "reference", or more source layers than there are layers.
    """
    layers = target.architecture.num_ws
    if settings.guide != "none" and settings.source_layers >= layers:
        raise StyleAlignError(f"source_layers: must be less than the model's {layers}, not {settings.source_layers}")
    with torch.inference_mode():
        sources = codes_to_ws(codes, target, settings.truncation_psi).repeat_interleave(settings.outputs, dim=0)
        guides = _guides(len(codes), target, settings, references)
        for start in range(0, len(sources), settings.batch_size):
            part = slice(start, start + settings.batch_size)
            ws = sources[part]
            if guides is not None:
                ws = mix_layers(ws, guides[part], settings.source_layers, target.synthesis)
            yield draw(target, ws)


def mix_layers(first: Tensor, rest: Tensor, count: int, synthesis: SynthesisNetwork) -> Tensor:
    """Return codes whose first `count` layers are those of `first`, the others those of `rest`.

    Each is ws `[N, num_ws, w_dim]` or styles `[N, style_dim]`; the result is styles where one of them is.
    """
    if first.ndim == rest.ndim == 3:
        return torch.cat([first[:, :count], rest[:, count:]], dim=1)
    first, rest = (codes if codes.ndim == 2 else synthesis.styles(codes) for codes in (first, rest))
    return torch.where((synthesis.places_of_styles() < count).to(first.device), first, rest)


def guiding(references: Codes | None, sources: int, settings: TranslateSettings) -> NDArray[np.int64]:
    """Return the number of the reference that guides each output, `[sources * outputs]`, source after source.

    Raises:
        StyleAlignError: no references.
    """
    if references is None:
        raise StyleAlignError("--reference-codes: the guide reference needs codes found in the target model")
    return _dealt(len(references), sources * settings.outputs, _random(settings))


def _random(settings: TranslateSettings) -> np.random.Generator:
    return numpy_stream("guides", settings.seed)


def _guides(sources: int, target: Generator, settings: TranslateSettings, references: Codes | None) -> Tensor | None:
    """Return the ws (or styles) of the layers after the source's, `[sources * outputs, ...]`; None without a guide."""
    if settings.guide == "latent":
        count = sources * settings.outputs
        z = seeded_normal((count, target.architecture.z_dim), _random(settings))
        latents = torch.from_numpy(z).to(target.mapping.w_avg)
        return target.mapping(latents, mean_label(target, count), settings.truncation_psi)
    if settings.guide == "reference":
        numbers = guiding(references, sources, settings)
        assert references is not None, "guiding needs them"
        return codes_to_ws(references, target)[torch.from_numpy(numbers)]
    return None


def _dealt(references: int, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return `count` numbers of references, every reference as often as the others, in random order."""
    rounds = -(-count // references)
    return np.concatenate([random.permutation(references) for _ in range(rounds)])[:count]


@torch.inference_mode()
def draw(generator: Generator, ws: Tensor) -> NDArray[np.uint8]:
    """Return the images `[N, 3, r, r]` uint8 of `ws [N, num_ws, w_dim]`, with the stored noise maps."""
    return to_pixels(generator.synthesis(ws, noise_mode="const"))
