import Kernels

extension TrainingNetwork {
    /// Backward from the gradient of the top layer's h at every step, for the batch that went forward last; the head
    /// takes no part.
    ///
    /// - Parameter dTop: packed rows [rows × hidden].
    /// - Returns: the gradient of x, packed [rows × inputs], until the network runs again.
    public func backwardSequence(_ dTop: Rows, into gradient: UnsafeMutablePointer<Float>) -> Rows? {
        precondition(
            dTop.count == batch.rows && dTop.width == (layers.last?.hidden ?? 0), "one gradient row a step")
        for index in layers.indices { clearGradients(index) }
        return backwardLayers(dTop, into: gradient, wantsInput: true)
    }
}
