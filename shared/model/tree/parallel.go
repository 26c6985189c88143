package tree

import "sync"

// least is the work, in steps of about a nanosecond, that more than one goroutine is started for.
const least = 1 << 15

// Parallel splits 0..n into one range a thread and calls fn for all of them at once. When fn's calls write to different places, and what
// they write does not depend on where ranges begin, the result does not depend on threads. work is the size of the whole in steps of
// about a nanosecond: what takes less than starting a goroutine costs is done by one.
func Parallel(n, threads, work int, fn func(from, to int)) {
	threads = min(threads, n)
	if threads <= 1 || work < least {
		fn(0, n)
		return
	}
	var wg sync.WaitGroup
	for t := range threads {
		wg.Go(func() { fn(n*t/threads, n*(t+1)/threads) })
	}
	wg.Wait()
}
