// SPDX-License-Identifier: Apache-2.0
// The passes. Each looks at one place after another and changes what it can; the same pass run again on its result finds
// nothing. Internal to graph/rewrites.
#pragma once

#include "graph/rewrites/editor.hpp"

namespace lichen::graph {

// Nodes that change nothing: Identity, Reshape and Transpose to the same, Cast to the same type or through f16; a Clip
// that is a Relu; views of all kinds become Reshapes.
void simplify(Editor& editor);
// Transposes that move no element become Reshapes. Last, for a transpose may yet meet its inverse.
void settle_transposes(Editor& editor);
// Transposes move down, through whatever does not care about the order of axes, until they meet their inverses.
void sink_transposes(Editor& editor);
// Scales and offsets by channel (BatchNorm, Mul, Add with constants) into the weights and bias of the layer before; a
// MatMul by a constant becomes a FullyConnected.
void fuse_into_weights(Editor& editor);
// Relu and its kind into the layer before.
void fuse_activations(Editor& editor);
// Zeros around an image into the padding of the layer after.
void fuse_pads(Editor& editor);
// Groups of small nodes that are one op: HardSwish, Gelu, ...
void fuse_patterns(Editor& editor);
// u8 between QuantizeLinear and DequantizeLinear becomes i8, where no weights are u8.
void make_signed(Editor& editor);
// QuantizeLinear and DequantizeLinear with constant scales into quantized tensors and integer layers.
void fuse_quantization(Editor& editor);

}  // namespace lichen::graph
