"""The report's network in PyTorch: what `report_cnn` of model/ is held against."""
from torch import nn

# Channels of conv1 and conv2, features of fc1 and fc2.
REPORT_WIDTHS = (32, 64, 600, 120)


def feature_size(image_size, padding):
    """Height and width of layer2's output."""
    return ((image_size + 2 * padding - 2) // 2 - 2) // 2


class ReportCnn(nn.Module):
    """Input [N, channels, image_size, image_size], output logits [N, classes]."""

    def __init__(self, image_size=224, channels=1, padding=2, classes=2, dropout=0.25, widths=REPORT_WIDTHS):
        super().__init__()
        conv1, conv2, hidden1, hidden2 = widths
        self.layer1 = nn.Sequential(
            nn.Conv2d(channels, conv1, kernel_size=3, padding=padding),
            nn.BatchNorm2d(conv1), nn.ReLU(), nn.MaxPool2d(kernel_size=2, stride=2))
        self.layer2 = nn.Sequential(
            nn.Conv2d(conv1, conv2, kernel_size=3), nn.BatchNorm2d(conv2), nn.ReLU(), nn.MaxPool2d(2))
        self.fc1 = nn.Linear(conv2 * feature_size(image_size, padding) ** 2, hidden1)
        self.drop = nn.Dropout(dropout)
        self.fc2 = nn.Linear(hidden1, hidden2)
        self.fc3 = nn.Linear(hidden2, classes)

    def forward(self, images):
        features = self.layer2(self.layer1(images)).flatten(1)
        return self.fc3(self.fc2(self.drop(self.fc1(features))))
