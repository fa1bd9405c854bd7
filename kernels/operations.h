// Every call that the engine may make on a device. A new one is a line in the list, and its header.
#pragma once

#include "kernels/ops/adam.h"
#include "kernels/ops/augment.h"
#include "kernels/ops/avg_pool2d.h"
#include "kernels/ops/batch_norm2d.h"
#include "kernels/ops/batch_norm2d_relu.h"
#include "kernels/ops/cast.h"
#include "kernels/ops/conv2d.h"
#include "kernels/ops/cross_entropy.h"
#include "kernels/ops/dropout.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/global_avg_pool2d.h"
#include "kernels/ops/leaky_relu.h"
#include "kernels/ops/linear.h"
#include "kernels/ops/log_softmax.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/max_pool2d.h"
#include "kernels/ops/reduce.h"
#include "kernels/ops/relu.h"
#include "kernels/ops/reorder.h"
#include "kernels/ops/sgd.h"
#include "kernels/ops/softmax.h"

/// X(Call) for each call.
#define XR_FOR_EACH_CALL(X)          \
  X(AdamStep)                        \
  X(Augment)                         \
  X(AvgPool2dForward)                \
  X(AvgPool2dBackward)               \
  X(BatchNorm2dForwardTraining)      \
  X(BatchNorm2dForwardInference)     \
  X(BatchNorm2dBackwardTraining)     \
  X(BatchNorm2dBackwardInference)    \
  X(BatchNorm2dReluForwardTraining)  \
  X(BatchNorm2dReluForwardInference) \
  X(BatchNorm2dReluBackwardTraining) \
  X(Cast)                            \
  X(Conv2dForward)                   \
  X(Conv2dBackwardData)              \
  X(Conv2dBackwardFilter)            \
  X(CrossEntropyForward)             \
  X(CrossEntropyBackward)            \
  X(Dropout)                         \
  X(Fill)                            \
  X(Scale)                           \
  X(Add)                             \
  X(Multiply)                        \
  X(GlobalAvgPool2dForward)          \
  X(GlobalAvgPool2dBackward)         \
  X(LeakyReluForward)                \
  X(LeakyReluBackward)               \
  X(LinearForward)                   \
  X(LogSoftmaxForward)               \
  X(LogSoftmaxBackward)              \
  X(Matmul)                          \
  X(MaxPool2dForward)                \
  X(MaxPool2dBackward)               \
  X(SumToShape)                      \
  X(BroadcastTo)                     \
  X(ReluForward)                     \
  X(ReluBackward)                    \
  X(Reorder)                         \
  X(SgdStep)                         \
  X(SoftmaxForward)                  \
  X(SoftmaxBackward)
