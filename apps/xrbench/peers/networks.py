"""The networks of xrtrain in PyTorch, with the same names in the state dict.

torchvision's are torchvision's, efficientnet_lite0 is that of efficientnet-lite-pytorch: they need these packages.
"""
from torch import nn
from torch.nn import functional

from report_cnn import ReportCnn


class BasicBlock(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.downsample = None
        if stride != 1 or channels != filters:
            self.downsample = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False),
                                            nn.BatchNorm2d(filters))

    def forward(self, x):
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class XrayResnet(nn.Module):
    def __init__(self, channels, classes, dropout):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 5, 2, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        for stage, (before, filters) in enumerate([(32, 32), (32, 64), (64, 128), (128, 256)], 1):
            blocks = [BasicBlock(before, filters, 1 if stage == 1 else 2), BasicBlock(filters, filters, 1)]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(256, classes)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 2)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.drop(x.mean((2, 3))))


def conv_block(channels, filters, size=3):
    # Its authors pad 1x1 convolutions like 3x3 ones.
    return nn.Sequential(nn.Conv2d(channels, filters, size, padding=1, bias=False), nn.BatchNorm2d(filters),
                         nn.LeakyReLU(0.1))


def triple(channels, filters):
    return nn.Sequential(conv_block(channels, filters), conv_block(filters, channels, 1),
                         conv_block(channels, filters))


def darkcovidnet(channels, classes, image_size):
    size = image_size // 4
    for _ in range(3):
        size = (size + 2) // 2  # a 1x1 convolution padded by 1, and pooling
    features = (size + 4) ** 2 * classes
    return nn.Sequential(
        conv_block(channels, 8), nn.MaxPool2d(2), conv_block(8, 16), nn.MaxPool2d(2), triple(16, 32),
        nn.MaxPool2d(2), triple(32, 64), nn.MaxPool2d(2), triple(64, 128), nn.MaxPool2d(2), triple(128, 256),
        conv_block(256, 128, 1), conv_block(128, 256),
        nn.Sequential(nn.Conv2d(256, classes, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(classes)),
        nn.Flatten(), nn.Linear(features, classes))


def with_dropout(layer, dropout):
    """The layer's own dropout behind a hook: its name in the state dict stays."""
    if dropout > 0:
        layer.register_forward_pre_hook(
            lambda module, inputs: (functional.dropout(inputs[0], dropout, module.training),))
    return layer


def make(name, channels, classes, image_size, padding, dropout):
    if name == "report_cnn":
        return ReportCnn(image_size, channels, padding, classes, dropout)
    if name == "xray_resnet":
        return XrayResnet(channels, classes, dropout)
    if name == "darkcovidnet":
        network = darkcovidnet(channels, classes, image_size)
        with_dropout(network[-1], dropout)
        return network
    if name == "efficientnet_lite0":
        from efficientnet_lite_pytorch import EfficientNet
        return EfficientNet.from_name("efficientnet-lite0", in_channels=channels, num_classes=classes,
                                      image_size=image_size, dropout_rate=dropout, drop_connect_rate=0)
    from torchvision import models
    network = getattr(models, name)(num_classes=classes)
    if name.startswith("densenet"):
        if channels != 3:
            network.features.conv0 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        with_dropout(network.classifier, dropout)
    else:
        if channels != 3:
            network.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        with_dropout(network.fc, dropout)
    return network
