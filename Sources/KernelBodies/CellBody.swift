// What a recurrent cell is to the walks over rows and units: two pointwise functions over lanes, and a shape.

import CVectors

/// A kind of cell, of which the options choose one body.
protocol CellKind {
    static func shape(_ options: Int) -> cell_shape
    static func choose<V: BodyVisitor>(_ options: Int, _ visitor: V)
}

/// One step of a cell over a vector of units of a row.
protocol CellBody {
    /// h′ (and c′, and what backward needs) from p, q and the state before.
    func forward<A: Access>(_ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int)
    /// dp (and dq), and the gradients of the state before, from those of the state after.
    func backward<A: Access>(_ access: A, _ s: BackwardOperands, _ row: Int, _ unit: Int)
    /// The phase before the late blocks' product: the masked state. For cells with two phases.
    func forwardMask<A: Access>(_ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int)
    /// The phase after its transpose.
    func backwardMask<A: Access>(_ access: A, _ s: BackwardOperands, _ row: Int, _ unit: Int)
}

extension CellBody {
    @inline(__always)
    func forwardMask<A: Access>(_ access: A, _ s: ForwardOperands, _ row: Int, _ unit: Int) {}
    @inline(__always)
    func backwardMask<A: Access>(_ access: A, _ s: BackwardOperands, _ row: Int, _ unit: Int) {}
}

protocol BodyVisitor {
    func visit<Body: CellBody>(_ body: Body)
}

protocol KindVisitor {
    associatedtype Result
    func visit<Kind: CellKind>(_ kind: Kind.Type) -> Result
}

/// `cell_forward` as the loops read it; a pointer that the cell does not use is that of another operand.
struct ForwardOperands {
    /// From block to block of p and saved.
    let hidden: Int
    /// From block to block of q.
    let qHidden: Int
    let p: Source
    let q: Source
    let hPrevious: Source
    let cPrevious: Source
    let peepholes: Source
    let h: Target
    let c: Target
    let saved: Target
    let masked: Target
    let saves: Bool

    /// Nil where there is no p or no h.
    @inline(__always)
    init?(_ s: UnsafePointer<cell_forward>) {
        guard let p = s.pointee.p else { return nil }
        let q = Source(s.pointee.q ?? p, s.pointee.q_stride)
        self.init(s, row: 0, unit: 0, q: q, qHidden: s.pointee.hidden)
    }

    /// The operands counted from this row and unit on, and q where some sums lie, `qHidden` from block to block.
    @inline(__always)
    init?(_ s: UnsafePointer<cell_forward>, row: Int, unit: Int, q: Source, qHidden: Int) {
        let s = s.pointee
        guard let p = s.p, let h = s.h else { return nil }
        hidden = s.hidden
        self.qHidden = qHidden
        self.p = Source(p, s.p_stride).from(row, unit)
        self.q = q
        hPrevious = Source(s.h_previous ?? p, s.h_previous_stride).from(row, unit)
        cPrevious = Source(s.c_previous ?? p, s.c_previous_stride).from(row, unit)
        peepholes = Source(s.peepholes ?? p, 0).from(0, unit)
        self.h = Target(h, s.h_stride).from(row, unit)
        c = Target(s.c ?? h, s.c_stride).from(row, unit)
        saved = Target(s.saved ?? h, s.saved_stride).from(row, unit)
        masked = Target(s.masked ?? h, s.masked_stride).from(row, unit)
        saves = s.saved != nil
    }

    @inline(__always)
    func p<A: Access>(_ access: A, _ row: Int, _ unit: Int, block: Int) -> Lanes {
        access.load(p.at(row, unit, block: block, of: hidden))
    }

    @inline(__always)
    func q<A: Access>(_ access: A, _ row: Int, _ unit: Int, block: Int) -> Lanes {
        access.load(q.at(row, unit, block: block, of: qHidden))
    }

    /// p + q
    @inline(__always)
    func sum<A: Access>(_ access: A, _ row: Int, _ unit: Int, block: Int) -> Lanes {
        p(access, row, unit, block: block) + q(access, row, unit, block: block)
    }

    @inline(__always)
    func peephole<A: Access>(_ access: A, _ unit: Int, block: Int) -> Lanes {
        access.load(peepholes.at(0, unit, block: block, of: hidden))
    }

    @inline(__always)
    func save<A: Access>(_ access: A, _ value: Lanes, _ row: Int, _ unit: Int, block: Int) {
        access.store(value, saved.at(row, unit, block: block, of: hidden))
    }
}

/// `cell_backward` as the loops read it.
struct BackwardOperands {
    let hidden: Int
    let dh: Target
    let dc: Target
    let saved: Source
    let h: Source
    let hPrevious: Source
    let cPrevious: Source
    let peepholes: Source
    let dp: Target
    let dq: Target
    let dMasked: Source

    @inline(__always)
    init?(_ s: UnsafePointer<cell_backward>) {
        let s = s.pointee
        guard let h = s.h, let dh = s.dh, let dp = s.dp else { return nil }
        hidden = s.hidden
        self.dh = Target(dh, s.dh_stride)
        dc = Target(s.dc ?? dh, s.dc_stride)
        saved = Source(s.saved ?? h, s.saved_stride)
        self.h = Source(h, s.h_stride)
        hPrevious = Source(s.h_previous ?? h, s.h_previous_stride)
        cPrevious = Source(s.c_previous ?? h, s.c_previous_stride)
        peepholes = Source(s.peepholes ?? h, 0)
        self.dp = Target(dp, s.dp_stride)
        dq = Target(s.dq ?? dp, s.dq_stride)
        dMasked = Source(s.d_masked ?? h, s.d_masked_stride)
    }

    @inline(__always)
    func saved<A: Access>(_ access: A, _ row: Int, _ unit: Int, block: Int) -> Lanes {
        access.load(saved.at(row, unit, block: block, of: hidden))
    }

    @inline(__always)
    func peephole<A: Access>(_ access: A, _ unit: Int, block: Int) -> Lanes {
        access.load(peepholes.at(0, unit, block: block, of: hidden))
    }

    @inline(__always)
    func store<A: Access>(_ access: A, dp value: Lanes, _ row: Int, _ unit: Int, block: Int) {
        access.store(value, dp.at(row, unit, block: block, of: hidden))
    }
}
