-- SPDX-License-Identifier: MIT
--- UDP sockets on the loopback.
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local _M = {}

--- Connects one to a port. `send(text)`; `receive(seconds)` returns a datagram,
-- nil where none comes in that time.
function _M.connect(port)
  local connection = assert(socket.connect {
    host = "127.0.0.1", port = port, type = socket.SOCK_DGRAM,
  })
  connection:onerror(function(_, _, why) return why end)
  connection:setmode("bn", "bn")
  assert(connection:connect(1))
  local one = {}
  function one.send(text)
    assert(connection:send(text, 1, #text) == #text)
  end
  function one.receive(seconds)
    cqueues.poll({ pollfd = connection:pollfd(), events = "r" }, seconds)
    return (connection:recv(-100))
  end
  function one.close()
    connection:close()
  end
  return one
end

return _M
