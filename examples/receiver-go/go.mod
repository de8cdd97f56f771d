module keysync.example/receiver

go 1.19
