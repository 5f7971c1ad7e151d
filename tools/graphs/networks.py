"""Small networks in the ways in which people write them, for the archives that `export.py` makes.

Each function in `ALL` returns a module and the shape of one example; `int` in place of floats stands for tokens. Widths are
tiny, since the archives are checked in, but nothing else is simplified: layers, names and operations are those of the sources.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

TOKENS = 23


def mlp():
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 5)), (12,)


class Activations(nn.Module):
    """A chain with every activation function."""

    def __init__(self):
        super().__init__()
        self.inner = nn.ModuleList(nn.Linear(8, 8) for _ in range(7))
        self.out = nn.Linear(8, 5)

    def forward(self, x):
        x = F.leaky_relu(self.inner[0](x))
        x = torch.tanh(self.inner[1](x))
        x = F.softplus(self.inner[2](x))
        x = F.gelu(self.inner[3](x))
        x = F.gelu(self.inner[4](x), approximate="tanh")
        x = F.silu(self.inner[5](x))
        x = torch.sigmoid(self.inner[6](x))
        return self.out(x)


def activations():
    return Activations(), (8,)


class Strided(nn.Module):
    """Weights that are views: one transposed, two slices of one storage."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.last = nn.Linear(8, 4)

    def forward(self, x):
        return self.last(F.relu(self.first(x.flatten(1))))

    def scatter(self):
        both = torch.cat([self.first.bias.data, self.last.bias.data])
        self.first.weight.data = self.first.weight.data.t().contiguous().t()
        self.first.bias.data, self.last.bias.data = both[:8], both[8:]


def strided():
    return Strided(), (2, 3)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 5, padding=2)
        self.conv2 = nn.Conv2d(3, 8, 5)
        self.fc1 = nn.Linear(8 * 3 * 3, 24)
        self.fc2 = nn.Linear(24, 16)
        self.fc3 = nn.Linear(16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), (2, 2))
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def lenet():
    return LeNet(), (1, 20, 20)


class ConvFC(nn.Module):
    """Group normalisation, depthwise and dilated convolutions, SiLU, average pooling."""

    def __init__(self):
        super().__init__()
        self.conv_part = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.SiLU(),
            nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.Conv2d(8, 12, 1), nn.GroupNorm(3, 12), nn.SiLU(),
            nn.AvgPool2d(2), nn.Conv2d(12, 12, 3, padding=2, dilation=2, groups=3), nn.Tanh(),
            nn.AvgPool2d(3, stride=2, padding=1),
        )
        self.fc_part = nn.Sequential(nn.Dropout(0.5), nn.Linear(12 * 16, 16), nn.SiLU(), nn.Linear(16, 6))

    def forward(self, x):
        return self.fc_part(torch.flatten(self.conv_part(x), 1))


def convfc():
    return ConvFC(), (3, 16, 16)


class VGG(nn.Module):
    """torchvision's VGG with one dense layer, as CIFAR repositories have it."""

    def __init__(self, norm):
        super().__init__()
        layers, channels = [], 3
        for width in [2, "M", 4, "M", 8, 8, "M", 16, 16, "M", 16, 16, "M"]:
            if width == "M":
                layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
                continue
            layers.append(nn.Conv2d(channels, width, kernel_size=3, padding=1))
            layers += [nn.BatchNorm2d(width)] if norm else []
            layers.append(nn.ReLU(inplace=True))
            channels = width
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(16, 10))

    def forward(self, x):
        x = self.avgpool(self.features(x))
        return self.classifier(torch.flatten(x, 1))


def vgg11():
    return VGG(norm=False), (3, 32, 32)


def vgg11_bn():
    return VGG(norm=True), (3, 32, 32)


class Sequence(nn.Module):
    """Convolutions along a sequence, as for audio or sensors."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(2, 6, 5, padding=2), nn.BatchNorm1d(6), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(6, 8, 3, stride=2, padding=1, groups=2, bias=False), nn.GroupNorm(2, 8), nn.GELU(), nn.AvgPool1d(3, 1, 1),
            nn.Conv1d(8, 8, 3, padding="same", dilation=2), nn.ReLU(),
        )
        self.pool = nn.AdaptiveAvgPool1d(1)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(self.pool(self.features(x)).flatten(1))


def conv1d():
    return Sequence(), (2, 24)


class SmallBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, kind):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.padding = (outputs - inputs) // 2
        self.shortcut = nn.Sequential()
        if stride != 1 and kind != "pad":
            kernel = 1 if kind == "conv1" else 3
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.padding and len(self.shortcut) == 0:
            out = out + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))
        else:
            out += self.shortcut(x)
        return F.relu(out)


class ResNet20(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 2, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(2)
        stages, channels = [], 2
        for width, stride in [(2, 1), (4, 2), (8, 2)]:
            blocks = []
            for step in [stride, 1, 1]:
                blocks.append(SmallBlock(channels, width, step, kind))
                channels = width
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3 = stages
        self.linear = nn.Linear(8, 10)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer3(self.layer2(self.layer1(out)))
        out = F.avg_pool2d(out, out.size()[3])
        return self.linear(out.view(out.size(0), -1))


def resnet20_conv1():
    return ResNet20("conv1"), (3, 16, 16)


def resnet20_conv3():
    return ResNet20("conv3"), (3, 16, 16)


def resnet20_pad():
    return ResNet20("pad"), (3, 16, 16)


class BasicBlock(nn.Module):
    """As in torchvision."""

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.inplanes = 2
        self.conv1 = nn.Conv2d(3, 2, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(2)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self.stage(2, 1)
        self.layer2 = self.stage(4, 2)
        self.layer3 = self.stage(8, 2)
        self.layer4 = self.stage(12, 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(12, 10)

    def stage(self, planes, stride):
        downsample = None
        if stride != 1:
            downsample = nn.Sequential(nn.Conv2d(self.inplanes, planes, 1, stride=stride, bias=False), nn.BatchNorm2d(planes))
        first = BasicBlock(self.inplanes, planes, stride, downsample)
        self.inplanes = planes
        return nn.Sequential(first, BasicBlock(planes, planes))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def resnet18():
    return ResNet18(), (3, 16, 16)


class WideBlock(nn.Module):
    """As in the usual PyTorch version of WideResNet: normalisation and activation before the convolutions."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.equal = inputs == outputs
        self.convShortcut = None if self.equal else nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)

    def forward(self, x):
        o = F.relu(self.bn1(x))
        out = self.conv2(F.dropout(F.relu(self.bn2(self.conv1(o))), p=0.3, training=self.training))
        return torch.add(x if self.equal else self.convShortcut(o), out)


class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 2, 3, padding=1, bias=False)
        blocks, channels = [], 2
        for width, stride in [(4, 1), (8, 2), (16, 2)]:
            blocks.append(nn.Sequential(WideBlock(channels, width, stride), WideBlock(width, width, 1)))
            channels = width
        self.block1, self.block2, self.block3 = blocks
        self.bn1 = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, 10)

    def forward(self, x):
        out = self.block3(self.block2(self.block1(self.conv1(x))))
        out = F.adaptive_avg_pool2d(F.relu(self.bn1(out)), 1)
        return self.fc(out.squeeze(3).squeeze(2))


def wrn_16_2():
    return Wide(), (3, 16, 16)


class DenseLayer(nn.Module):
    def __init__(self, inputs, growth):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, 2 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(2 * growth)
        self.conv2 = nn.Conv2d(2 * growth, growth, 3, padding=1, bias=False)

    def forward(self, features):
        x = torch.cat(features, 1)
        return self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))


class DenseBlock(nn.Module):
    def __init__(self, inputs, growth, layers):
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(inputs + i * growth, growth) for i in range(layers))

    def forward(self, x):
        features = [x]
        for layer in self.layers:
            features.append(layer(features))
        return torch.cat(features, 1)


class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv0 = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.block1 = DenseBlock(6, 3, 2)
        self.norm = nn.BatchNorm2d(12)
        self.conv = nn.Conv2d(12, 6, 1, bias=False)
        self.pool = nn.AvgPool2d(2, 2)
        self.block2 = DenseBlock(6, 3, 2)
        self.norm5 = nn.BatchNorm2d(12)
        self.classifier = nn.Linear(12, 10)

    def forward(self, x):
        x = self.block1(self.conv0(x))
        x = self.block2(self.pool(self.conv(F.relu(self.norm(x)))))
        x = F.relu(self.norm5(x), inplace=True)
        return self.classifier(x.mean([2, 3]))


def densenet():
    return DenseNet(), (3, 16, 16)


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, stride, expand, rectifier):
        super().__init__()
        inner = inputs * expand
        self.same = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner), rectifier(inplace=True),
            nn.Conv2d(inner, inner, 3, stride=stride, padding=1, groups=inner, bias=False), nn.BatchNorm2d(inner),
            rectifier(inplace=True), nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )

    def forward(self, x):
        return x + self.conv(x) if self.same else self.conv(x)


class MobileNet(nn.Module):
    def __init__(self, rectifier):
        super().__init__()
        settings = [(4, 4, 1, 1), (4, 6, 2, 3), (6, 6, 1, 3), (6, 8, 2, 3), (8, 8, 1, 3)]
        blocks = [nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), rectifier(inplace=True))]
        blocks += [Inverted(*setting, rectifier) for setting in settings]
        blocks += [nn.Sequential(nn.Conv2d(8, 24, 1, bias=False), nn.BatchNorm2d(24), rectifier(inplace=True))]
        self.features = nn.Sequential(*blocks)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(24, 10))

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


def mobilenetv2():
    return MobileNet(nn.ReLU), (3, 32, 32)


def mobilenetv2_relu6():
    return MobileNet(nn.ReLU6), (3, 32, 32)


class Patches(nn.Module):
    """Patches of an image as a sequence, with a class token and learned positions."""

    def __init__(self, dim, patch, count):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, stride=patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, count + 1, dim))

    def forward(self, x):
        x = self.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1)
        return x + self.pos_embed


class MultiheadBlock(nn.Module):
    """As torchvision's encoder block."""

    def __init__(self, dim, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(dim, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * dim, dim))

    def forward(self, x):
        y = self.ln_1(x)
        y, _ = self.self_attention(y, y, y, need_weights=False)
        x = x + y
        return x + self.mlp(self.ln_2(x))


class FusedBlock(nn.Module):
    """As timm's block with `scaled_dot_product_attention`."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.norm2 = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, 2 * dim)
        self.fc2 = nn.Linear(2 * dim, dim)

    def attention(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, dropout_p=0.0)

    def forward(self, x):
        b, n, c = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        y = self.attention(q, k, v).transpose(1, 2).reshape(b, n, c)
        x = x + self.proj(y)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class PlainBlock(FusedBlock):
    """As timm's block without it."""

    def attention(self, q, k, v):
        q = q * q.shape[-1] ** -0.5
        return (q @ k.transpose(-2, -1)).softmax(dim=-1) @ v


class ViT(nn.Module):
    def __init__(self, block, dim=8, heads=2, depth=2):
        super().__init__()
        self.patch_embed = Patches(dim, 4, 9)
        self.blocks = nn.Sequential(*(block(dim, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.norm(self.blocks(self.patch_embed(x)))
        return self.head(x[:, 0])


def encoder(dim, heads):
    return nn.TransformerEncoderLayer(dim, heads, dim_feedforward=2 * dim, activation="gelu", batch_first=True, norm_first=True)


def vit_mha():
    return ViT(MultiheadBlock), (3, 12, 12)


def vit_encoder():
    return ViT(encoder), (3, 12, 12)


def vit_timm():
    return ViT(FusedBlock), (3, 12, 12)


def vit_plain():
    return ViT(PlainBlock), (3, 12, 12)


class Causal(nn.Module):
    """As nanoGPT's attention."""

    def __init__(self, dim, heads, length, flash):
        super().__init__()
        self.c_attn = nn.Linear(dim, 3 * dim, bias=False)
        self.c_proj = nn.Linear(dim, dim, bias=False)
        self.heads, self.dim, self.flash = heads, dim, flash
        if not flash:
            self.register_buffer("bias", torch.tril(torch.ones(length, length)).view(1, 1, length, length))

    def forward(self, x):
        b, t, c = x.size()
        q, k, v = self.c_attn(x).split(self.dim, dim=2)
        k = k.view(b, t, self.heads, c // self.heads).transpose(1, 2)
        q = q.view(b, t, self.heads, c // self.heads).transpose(1, 2)
        v = v.view(b, t, self.heads, c // self.heads).transpose(1, 2)
        if self.flash:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=None, dropout_p=0, is_causal=True)
        else:
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(self.bias[:, :, :t, :t] == 0, float("-inf"))
            y = F.softmax(att, dim=-1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(b, t, c))


class GPTBlock(nn.Module):
    def __init__(self, dim, heads, length, flash):
        super().__init__()
        self.ln_1 = nn.LayerNorm(dim)
        self.attn = Causal(dim, heads, length, flash)
        self.ln_2 = nn.LayerNorm(dim)
        self.c_fc = nn.Linear(dim, 4 * dim)
        self.c_proj = nn.Linear(4 * dim, dim)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    """A language model as nanoGPT, whose last layer has the weight of its embedding."""

    def __init__(self, flash, dim=8, heads=2, length=6):
        super().__init__()
        self.wte = nn.Embedding(TOKENS, dim)
        self.wpe = nn.Embedding(length, dim)
        self.h = nn.ModuleList(GPTBlock(dim, heads, length, flash) for _ in range(2))
        self.ln_f = nn.LayerNorm(dim)
        self.lm_head = nn.Linear(dim, TOKENS, bias=False)
        self.wte.weight = self.lm_head.weight

    def forward(self, idx):
        pos = torch.arange(0, idx.size(1), dtype=torch.long, device=idx.device)
        x = self.wte(idx) + self.wpe(pos)
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


def gpt():
    return GPT(flash=True), (int, 6)


def gpt_mask():
    return GPT(flash=False), (int, 6)


class MixerBlock(nn.Module):
    def __init__(self, tokens, dim):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.token = nn.Sequential(nn.Linear(tokens, 6), nn.GELU(), nn.Linear(6, tokens))
        self.norm2 = nn.LayerNorm(dim)
        self.channel = nn.Sequential(nn.Linear(dim, 16), nn.GELU(), nn.Linear(16, dim))

    def forward(self, x):
        x = x + self.token(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channel(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, stride=4)
        self.blocks = nn.Sequential(MixerBlock(9, 8), MixerBlock(9, 8))
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        x = self.norm(self.blocks(x))
        return self.head(x.mean(dim=1))


def mixer():
    return Mixer(), (3, 12, 12)


ALL = {
    maker.__name__: maker
    for maker in [
        mlp, activations, strided, lenet, convfc, conv1d, vgg11, vgg11_bn, resnet20_conv1, resnet20_conv3, resnet20_pad, resnet18,
        wrn_16_2, densenet, mobilenetv2, mobilenetv2_relu6, vit_mha, vit_encoder, vit_timm, vit_plain, gpt, gpt_mask, mixer,
    ]
}
