package drift

// SegmentProfile is one way of cutting the reference's rows into groups.
type SegmentProfile struct {
	Name string `json:"name"`
}
