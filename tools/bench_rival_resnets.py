"""ResNet-20 for CIFAR and ResNet-50 in torch, as He et al. and torchvision have them."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["resnet20", "resnet50"]


def resnet20(num_bits: int) -> Any:
    """Images of 32 pixels -> codes; shortcuts by 1 x 1 convolutions."""
    blocks, width = [], 16
    for outside, count, stride in ((16, 3, 1), (32, 3, 2), (64, 3, 2)):
        for number in range(count):
            step = stride if number == 0 else 1
            inner = [*_convolved(width, outside, 3, step), nn.ReLU(inplace=True)]
            blocks.append(
                _Residual([*inner, *_convolved(outside, outside, 3)], width, outside, step)
            )
            width = outside
    return nn.Sequential(*_convolved(3, 16, 3), nn.ReLU(inplace=True), *blocks, *_end(64, num_bits))


def resnet50(num_bits: int) -> Any:
    """Images -> codes; the stride is that of the 3 x 3 convolution, as in torchvision."""
    blocks, width = [], 64
    for inside, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for number in range(count):
            step = stride if number == 0 else 1
            inner = [*_convolved(width, inside, 1), nn.ReLU(inplace=True)]
            inner += [*_convolved(inside, inside, 3, step), nn.ReLU(inplace=True)]
            inner += _convolved(inside, 4 * inside, 1)
            blocks.append(_Residual(inner, width, 4 * inside, step))
            width = 4 * inside
    begin = [*_convolved(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*begin, *blocks, *_end(2048, num_bits))


class _Residual(nn.Module):  # type: ignore[misc,unused-ignore]
    """Some layers, and what they leave out."""

    def __init__(self, inner: list[Any], inside: int, outside: int, stride: int) -> None:
        super().__init__()
        same = stride == 1 and inside == outside
        self.inner, self.relu = nn.Sequential(*inner), nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential(*([] if same else _convolved(inside, outside, 1, stride)))

    def forward(self, images: Any) -> Any:
        return self.relu(self.inner(images) + self.shortcut(images))


def _convolved(inside: int, outside: int, side: int, stride: int = 1) -> list[Any]:
    convolution = nn.Conv2d(inside, outside, side, stride, side // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outside)]


def _end(width: int, num_bits: int) -> list[Any]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_bits)]
