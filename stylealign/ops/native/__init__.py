"""The tensor functions in C++ and CUDA: built on first use, differentiable twice, absent without a compiler."""
