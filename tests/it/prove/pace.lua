-- Milliseconds before each request of a connection: see `PAUSE` in harness/callers.rs.
function delay()
   return 1
end
