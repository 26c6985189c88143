package joint

import (
	"math/rand/v2"
	"slices"
)

// Draw is n of rows at random, ascending.
func Draw(random *rand.Rand, rows, n int) []int {
	if n == rows {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	taken := make(map[int]bool, n)
	for j := rows - n; j < rows; j++ { // Floyd: every set of n is as likely
		if k := random.IntN(j + 1); taken[k] {
			taken[j] = true
		} else {
			taken[k] = true
		}
	}
	drawn := make([]int, 0, n)
	for k := range taken {
		drawn = append(drawn, k)
	}
	slices.Sort(drawn)
	return drawn
}
