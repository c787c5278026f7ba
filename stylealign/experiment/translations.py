"""The codes and translations that an experiment asks for."""

from stylealign.config import Config, Space, TranslateSettings
from stylealign.experiment.measuring import Measuring
from stylealign.experiment.paths import Files, data_file, features_file, model_file
from stylealign.experiment.words import as_json
from stylealign.latents.spaces import most_detailed, names, space_of

GUIDES = {"latent-guided": "latent", "reference-guided": "reference"}
LAYER_SWAP = "layer-swap"
OF_GUIDES = ("source_layers", "seed")
"""Keys of a translation that only guides use."""


class Translations(Measuring):
    """The files and settings of inversions and translations."""

    config: Config

    def detailed_space(self) -> Space:
        """Return the most detailed space that is inverted: morphs start from its codes."""
        return most_detailed(self.config.inversion_spaces)

    def guided_space(self) -> Space:
        """Return the space of the codes that guides and the swapped model start from."""
        space = self.config.translation.space
        return space if space in self.config.inversion_spaces else self.detailed_space()

    def encoder_inputs(self, model: str, space: str) -> Files:
        """Return the encoder of an inversion that starts with one."""
        if self.config.inversion_of(space).init != "encoder":
            return {}
        return {"encoder": f"results/latents/{model}/encoder.safetensors"}

    def translate_inputs(self, model: str, way: str) -> Files:
        """Return what a translation needs; `way` is a space, a guide or the layer swap."""
        parent = self.compared_with(model)
        space = way if way in self.config.inversion_spaces else self.guided_space()
        swapped = f"results/translation/{model}/{LAYER_SWAP}/model.safetensors"
        inputs = {
            "codes": f"results/latents/{parent}/{space}/codes.npz",
            "source_model": model_file(parent),
            "target_model": swapped if way == LAYER_SWAP else model_file(model),
        }
        if GUIDES.get(way) == "reference":
            inputs["reference_codes"] = f"results/latents/{model}/{space}/codes.npz"
        return inputs

    def translate_settings(self, way: str) -> str:
        """Return the settings of a translation as JSON, those that it has no use for with their defaults."""
        settings, space = self.config.translation, self.guided_space() if way in (*GUIDES, LAYER_SWAP) else way
        guide, outputs = GUIDES.get(way, "none"), self.config.guided_outputs if way in GUIDES else 1
        idle = (*(() if way in GUIDES else OF_GUIDES), *(() if self.truncation(way) else ("truncation_psi",)))
        defaults = {key: TranslateSettings.model_fields[key].default for key in idle}
        return as_json(settings, space=space, guide=guide, outputs=outputs, **defaults)

    def translation_methods(self, child: str) -> Files:
        """Return the image zips of a translation's measurement by METHOD[/SETTING]; untouched sources need none."""
        spaces = self.config.inversion_spaces
        ways = (*spaces, *GUIDES, LAYER_SWAP, "random")
        methods = {"/".join(filter(None, (way, self.truncation(way)))): self._translated(child, way) for way in ways}
        for control in self.controls_of(child):
            parts = {space: (space, self.truncation(space), self.control_setting(control)) for space in spaces}
            labels = {space: ", ".join(filter(None, own)) for space, own in parts.items()}
            methods |= {f"unaligned/{label}": self._translated(control, space) for space, label in labels.items()}
        return methods

    def truncation(self, way: str, inverted: bool = False) -> str:
        """Return what the tables say of the truncation of z codes, such as `psi 1`; empty where there are none.

        Args:
            way: a space, a guide, the layer swap or `random`.
            inverted: of the inversion, not of the translation.
        """
        space = way if way in names() else self.guided_space()
        if way not in ("latent-guided", "random") and not space_of(space).is_mapped:
            return ""
        settings = self.config.inversion_of(way) if inverted else self.config.translation
        return f"psi {settings.truncation_psi:g}"

    def _translated(self, model: str, way: str) -> str:
        return f"results/translation/{model}/{way}/images.zip"

    def translation_data(self, child: str) -> Files:
        """Return what translations are measured against: sources, features of the target, label networks of both."""
        source, target = self.domain_of(self.compared_with(child)), self.domain_of(child)
        files = {
            "source_data": data_file(source, "test.zip"),
            "target_data": features_file(target, "test"),
            "target_train": features_file(target, "train"),
        }
        return files | self.measuring_networks(child)

    def translation_rows(self, child: str) -> Files:
        """Return the image zips of a translation figure by label: reconstructions, translations, swap, controls'."""
        parent, rows = self.compared_with(child), {}
        for space in self.config.inversion_spaces:
            rows[f"reconstruction {space}"] = f"results/latents/{parent}/{space}/reconstructions.zip"
            rows |= {f"{model} {space}": self._translated(model, space) for model in self.family(child)}
        return rows | {LAYER_SWAP: self._translated(child, LAYER_SWAP)}
