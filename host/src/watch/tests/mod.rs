mod bench;
mod folders;
mod settling;
mod stress;
mod threads;
mod tools;
