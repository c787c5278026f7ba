"""The StyleGAN2 generator: mapping and synthesis."""

from torch import Tensor, nn

from stylealign.networks.architecture import Architecture
from stylealign.networks.mapping import MappingNetwork
from stylealign.networks.synthesis import NoiseMode, SynthesisNetwork


class Generator(nn.Module):
    """`generator.mapping(z) -> ws`, `generator.synthesis(ws) -> images`; names of parameters as in StyleGAN2-ADA."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.mapping = MappingNetwork(
            architecture.z_dim,
            architecture.c_dim,
            architecture.w_dim,
            architecture.num_ws,
            architecture.mapping_layers,
            architecture.mapping_lr_multiplier,
        )
        self.synthesis = SynthesisNetwork(architecture)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: NoiseMode = "const",
    ) -> Tensor:
        """Return images `[N, 3, r, r]` float32 for `z [N, z_dim]` (or Z+ `[N, num_ws, z_dim]`) and labels `c`."""
        return self.synthesis(self.mapping(z, c, truncation_psi, truncation_cutoff), noise_mode=noise_mode)
