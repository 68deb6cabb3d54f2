-- The action `lua.wake NAMESPACE NAME`: hold a call until the function can serve, or say why it is refused. It asks the
-- autoscaler through the section `autoscaler` of HAProxy's own configuration, which knows the daemons and tries another where
-- one breaks off.
--
-- A socket, not core.httpclient: that one goes on asking after the client has hung up (2.6), and holds a place for nobody.

local LONGEST_S = 100
local LONGEST_READ = 64 * 1024 * 1024
local PASSED_ON = {
  "cache-control", "content-security-policy", "content-type", "refresh", "retry-after", "vary", "x-wake-state",
}

local function first_line(path)
  local file = assert(io.open(path), "no token can be read from " .. path)
  local line = file:read("l")
  file:close()
  return assert(line and line:match("^[%w%-._~+/]+=*$"), path .. " has no token on its first line")
end

local TOKEN = first_line(os.getenv("WAKE_TOKEN_FILE"))
local UNANSWERED = os.getenv("WAKE_UNANSWERED")
assert(UNANSWERED == "refuse" or UNANSWERED == "pass", "WAKE_UNANSWERED is neither refuse nor pass")

local AUTOSCALER = os.getenv("WAKE_SOCKETS") .. "-autoscaler"

local function request(txn, namespace, name)
  local lines = {
    "GET /v1/wake/" .. namespace .. "/" .. name .. "?refused=1 HTTP/1.0",
    "Authorization: Bearer " .. TOKEN,
    "X-Forwarded-Method: " .. txn.sf:method(),
  }
  -- For the page that a browser is shown while it waits.
  if txn.sf:req_fhdr("accept"):find("text/html", 1, true) then
    lines[#lines + 1] = "Accept: text/html"
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function ask(text)
  local socket = core.tcp()
  socket:settimeout(LONGEST_S)
  if not socket:connect(AUTOSCALER) then
    return ""
  end
  socket:send(text)
  local answer = socket:receive("*a")
  socket:close()
  return answer or ""
end

local function headers_of(head)
  local headers = {}
  for name, value in head:gmatch("\n([%w-]+):[ \t]*([^\r\n]*)") do
    headers[name:lower()] = value
  end
  return headers
end

-- Gives what the client is answered: status, headers and body; nil where its call may go on.
local function refusal_of(answer)
  local head, body = answer:match("^(HTTP/.-\r\n)\r\n(.*)$")
  local headers = headers_of(head or "")
  -- What does not tell how the wake ended is no answer: a token that is refused, HAProxy's own 503 without a daemon.
  if not headers["x-wake-state"] then
    return UNANSWERED == "refuse" and { status = 503, headers = { ["retry-after"] = "2" }, body = "" } or nil
  end
  local refusal = { status = tonumber(head:match("^HTTP/%S+ (%d%d%d)")), headers = {}, body = body }
  for _, name in ipairs(PASSED_ON) do
    refusal.headers[name] = headers[name]
  end
  return refusal.status ~= 200 and refusal or nil
end

core.register_action("wake", { "http-req" }, function(txn, namespace, name)
  local refusal = refusal_of(ask(request(txn, namespace, name)))
  if not refusal then
    return
  end
  if txn.sf:req_fhdr("content-length") ~= "" then
    txn:set_priv(refusal)
    txn:set_var("txn.wake_refused", true)
    return
  end
  local reply = txn:reply({ status = refusal.status, body = refusal.body })
  for name, value in pairs(refusal.headers) do
    reply:add_header(name, value)
  end
  txn:done(reply)
end, 2)

-- The service `lua.refuse`: give the answer after the body was read. Many clients look for none while they still send, and
-- see no more than a connection that is closed. Of a chunked body HAProxy 2.6 does not always find the end here: such a call
-- is answered at once.
core.register_service("refuse", "http", function(applet)
  local refusal, read = applet:get_priv(), 0
  repeat
    local part = applet:receive(16384)
    read = read + #part
  until part == "" or read > LONGEST_READ
  applet:set_status(refusal.status)
  for name, value in pairs(refusal.headers) do
    applet:add_header(name, value)
  end
  applet:add_header("content-length", tostring(#refusal.body))
  applet:start_response()
  applet:send(refusal.body)
end)
