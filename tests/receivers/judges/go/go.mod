module keysync.example/judge

go 1.19

require keysync.example/receiver v0.0.0

replace keysync.example/receiver => ../../../../examples/receiver-go
