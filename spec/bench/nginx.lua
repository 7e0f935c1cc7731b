-- SPDX-License-Identifier: MIT
--- What calls in flight cost a worker of nginx, and whom it serves beside
-- them. Prints rows of a Markdown table.
local process = require "support.process"

local root = assert(arg[1])
local seconds, calls = tonumber(arg[2]) or 5, 50
local peer = os.getenv "RESTY_HTTP" -- a directory that has resty/http.lua
local directory = root .. "/build/bench"
local closed_loop = directory .. "/closed_loop"

local function start(setting)
  local port = 20000 + math.random(20000)
  local modules = {}
  for line in process.read(os.getenv "SANDBOX_DIR" .. "/nginx.conf")
    :gmatch("load_module [^;]*;") do
    modules[#modules + 1] = line
  end
  local is_root = process.run("id -u") == "0\n"
  local values = {
    user = is_root and "user root;" or "", -- to read the sandbox's directory
    modules = table.concat(modules, "\n"), root = root, port = tostring(port),
    ca = os.getenv "SSL_CERT_FILE", peer = peer and peer .. "/?.lua" or "",
  }
  local conf = process.read(root .. "/spec/bench/nginx.conf")
  process.write(directory .. "/nginx.conf", (conf:gsub("@(%l+)@", values)))
  os.remove(directory .. "/nginx.pid")
  local server = process.start(("PATH=$PATH:/usr/sbin; %s exec nginx"
    .. " -e stderr -p %s -c nginx.conf 2>%s/error.log"):format(setting or "",
    process.quote(directory), process.quote(directory)))
  process.await(directory .. "/nginx.pid")
  return port, server
end

local function get(port, path)
  local text, status = process.run(("curl -sS --max-time 60 "
    .. "'http://127.0.0.1:%d%s'"):format(port, path))
  assert(status == 0, text)
  return text
end

local function numbers(text)
  local list = {}
  for number in text:gmatch("%S+") do
    list[#list + 1] = tonumber(number)
  end
  return list
end

local function unrelated(port)
  return numbers((process.run(("%s %d /unrelated %d"):format(
    process.quote(closed_loop), port, seconds))))
end

-- Both at once: the load for a little longer than what is measured.
local function unrelated_beside(port, path)
  local output = os.tmpname()
  local load = process.start(("curl -sS --max-time 60 -o %s"
    .. " 'http://127.0.0.1:%d%s'"):format(output, port, path))
  process.sleep(0.5)
  local result = unrelated(port)
  local text = process.await(output)
  load.stop()
  os.remove(output)
  return result, text
end

local function row(...)
  print("| " .. table.concat({ ... }, " | ") .. " |")
end

local function us(list)
  return ("%.0f / %.0f us"):format(list[1], list[2])
end

local port, server = start()
local _, before, longest, kind =
  get(port, "/first"):match("^((%S+)) (%S+) (%S+)")
row("first call of a worker, system trust store", "longest pause of its loop",
  longest .. " ms", "idle: " .. before .. " ms (" .. kind .. ")")

local idle = unrelated(port)
row("unrelated location, no calls", "median / p99", us(idle),
  ("%d answers, %d of %d slices empty"):format(idle[4], idle[6], idle[5]))

local function measure(client)
  local load = ("/load?client=%s&calls=%d&seconds=%d"):format(client, calls,
    seconds)
  local cost = numbers(get(port, load))
  row(client .. ", " .. calls .. " in flight", "added, median / p99",
    ("%.2f / %.2f ms"):format(cost[1], cost[2]),
    ("%d calls, %.0f us of CPU each"):format(cost[3], cost[4]))
  local busy = unrelated_beside(port, ("/load?client=%s&calls=%d&seconds=%d")
    :format(client, calls, seconds + 1))
  row("unrelated location beside " .. client, "median / p99", us(busy),
    ("%d answers, %d of %d slices empty; p99 is %.1fx idle"):format(busy[4],
    busy[6], busy[5], busy[2] / idle[2]))
  return cost[4]
end

local ours = measure "balance"
if peer then
  local theirs = measure "resty"
  row("CPU a call, balance : lua-resty-http", "ratio",
    ("%.2f"):format(ours / theirs), "")
else
  row("lua-resty-http", "", "left out: set RESTY_HTTP to its lib directory",
    "")
end
server.stop()

port, server = start("LD_PRELOAD=" .. root .. "/build/luajit/spec/resolver.so")
local stalled, kinds = unrelated_beside(port, "/stall")
row("unrelated location while 10 look-ups stall for 4 s", "median / p99",
  us(stalled), ("%d of %d slices empty; the calls: %s"):format(stalled[6],
  stalled[5], kinds:match("%S+")))
server.stop()
