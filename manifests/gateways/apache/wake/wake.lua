-- Asks the autoscaler for a function and waits until it can serve; nothing to edit. Needs Debian's lua-socket.
--
-- What it is told comes from wake/*.conf, never from a caller: WAKE_DAEMONS, WAKE_TOKEN, WAKE_FUNCTION (NAMESPACE/NAME),
-- WAKE_ADDRESS and, on the path, WAKE_UNANSWERED.
local socket = require "socket"

local CONNECT_S = 1
-- Longer than any `wake.hold` (25 s, unless the autoscaler's settings say otherwise).
local HOLD_S = 30
-- For how long a connection is tried again that is refused though the function can serve: kube-proxy writes its rules up
-- to a second after a replica is ready, on each node for itself.
local REFUSED_S = 2
local PAUSE_S = 0.05

local function connect(address)
  local host, port = address:match("^(.*):(%d+)$")
  local connection = socket.tcp()
  connection:settimeout(CONNECT_S)
  if host and connection:connect(host, tonumber(port)) then
    return connection
  end
  connection:close()
  return nil
end

local function read_answer(connection)
  local status = (connection:receive("*l") or ""):match("^HTTP/%d%.%d (%d%d%d)")
  local headers = {}
  while status do
    local line = connection:receive("*l")
    if not line then
      return nil
    elseif line == "" then
      return tonumber(status), headers
    end
    local name, value = line:match("^([^:]+):%s*(.-)%s*$")
    if name then
      headers[name:lower()] = value
    end
  end
  return nil
end

-- Gives status and headers of the first daemon that answers; nil where none does.
local function ask(r, query)
  local file = io.open(r.subprocess_env["WAKE_TOKEN"], "r")
  local token = file and file:read("*l") or ""
  if file then
    file:close()
  end
  local path = "/v1/wake/" .. r.subprocess_env["WAKE_FUNCTION"] .. query
  for daemon in r.subprocess_env["WAKE_DAEMONS"]:gmatch("%S+") do
    local connection = connect(daemon)
    if connection then
      connection:settimeout(HOLD_S)
      connection:send("GET " .. path .. " HTTP/1.1\r\nHost: " .. daemon .. "\r\nAuthorization: Bearer " .. token
        .. "\r\nConnection: close\r\n\r\n")
      local status, headers = read_answer(connection)
      connection:close()
      if status then
        return status, headers
      end
    end
  end
  return nil
end

-- Tells whether the function takes a connection, now or soon.
local function is_there(r, patience_s)
  local give_up = socket.gettime() + patience_s
  repeat
    local connection = connect(r.subprocess_env["WAKE_ADDRESS"])
    if connection then
      connection:close()
      return true
    end
    socket.sleep(PAUSE_S)
  until socket.gettime() > give_up
  return false
end

local function refuse(r, status, headers)
  r.err_headers_out["Retry-After"] = headers["retry-after"] or "2"
  if headers["x-wake-state"] then
    r.err_headers_out["X-Wake-State"] = headers["x-wake-state"]
  end
  return status
end

-- Gives what the daemons say: DECLINED to go on, or a status; nil where none says anything.
local function wake(r, query)
  local status, headers = ask(r, query)
  if status == 200 then
    return apache2.DECLINED
  elseif status and headers["x-wake-state"] then
    return refuse(r, status, headers)
  end
  return nil
end

-- Off the path: a connection was refused.
function wake_refused(r)
  local verdict = wake(r, "?refused=1")
  if verdict == apache2.DECLINED and not is_there(r, REFUSED_S) then
    verdict = nil
  end
  return verdict or refuse(r, 503, {})
end

-- On the path: asked before every call, and anew where it refuses all the same.
function wake_called(r)
  local verdict = wake(r, "")
  local may_pass = verdict == apache2.DECLINED or (not verdict and r.subprocess_env["WAKE_UNANSWERED"] == "pass")
  if may_pass and is_there(r, 0) then
    return apache2.DECLINED
  elseif verdict == apache2.DECLINED then
    return wake_refused(r)
  end
  return verdict or refuse(r, 503, {})
end
