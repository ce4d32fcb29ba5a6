// The operands of one pointwise step of a recurrent cell, forward and backward: said once, for all cells. Pointers that a
// cell does not use are null; strides are in floats, from row to row.

#ifndef CVECTORS_CELLS_H
#define CVECTORS_CELLS_H

/// What a cell is made of. All but the flags count blocks, each as wide as the state.
typedef struct {
    /// Of p, q and the weights.
    long blocks;
    /// What forward leaves for backward at every step.
    long saved;
    /// The last of `blocks`, whose recurrent part enters by itself: behind a gate, or formed of a masked state.
    long late_blocks;
    /// Weights of the gates on the cell state, one a unit.
    long peepholes;
    /// Flags: whether there is a cell state c; whether p and q enter by their sum alone, so that dq is dp; whether the late
    /// blocks' product takes a masked state, so that forward and backward come in two phases.
    long has_c, shares_gradient, has_two_phases;
} cell_shape;

typedef struct {
    long kind, options;
    long rows, hidden;
    /// W·x + b, [rows x blocks·hidden].
    const float *_Nullable p;
    long p_stride;
    /// U·h + c, [rows x blocks·hidden].
    const float *_Nullable q;
    long q_stride;
    /// [rows x hidden].
    const float *_Nullable h_previous;
    long h_previous_stride;
    /// [rows x hidden]; may be c.
    const float *_Nullable c_previous;
    long c_previous_stride;
    /// [peepholes x hidden].
    const float *_Nullable peepholes;
    /// Written, [rows x hidden].
    float *_Nullable h;
    long h_stride;
    /// Written, [rows x hidden].
    float *_Nullable c;
    long c_stride;
    /// Written unless null, [rows x saved·hidden]; may begin where p does.
    float *_Nullable saved;
    long saved_stride;
    /// Written by the first of two phases, [rows x hidden]: the state that the late blocks' product takes.
    float *_Nullable masked;
    long masked_stride;
} cell_forward;

typedef struct {
    long kind, options;
    long rows, hidden;
    /// In: the gradient of h'. Out: the part of it that goes round the product U·h. [rows x hidden]
    float *_Nullable dh;
    long dh_stride;
    /// In: the gradient of c' from the step after. Out: that of c. [rows x hidden]
    float *_Nullable dc;
    long dc_stride;
    /// From forward.
    const float *_Nullable saved;
    long saved_stride;
    /// h' of the step, [rows x hidden].
    const float *_Nullable h;
    long h_stride;
    /// [rows x hidden].
    const float *_Nullable h_previous;
    long h_previous_stride;
    /// [rows x hidden].
    const float *_Nullable c_previous;
    long c_previous_stride;
    /// [peepholes x hidden].
    const float *_Nullable peepholes;
    /// Written, [rows x blocks·hidden]; may begin where saved does.
    float *_Nullable dp;
    long dp_stride;
    /// Written, [rows x late_blocks·hidden], where the gradient is not shared; may be the blocks of saved behind dp.
    float *_Nullable dq;
    long dq_stride;
    /// The gradient of the masked state, [rows x hidden]: read by the second of two phases.
    const float *_Nullable d_masked;
    long d_masked_stride;
} cell_backward;

#endif
